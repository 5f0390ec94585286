import Testing

@testable import Common

@Suite struct ServerURLTests {
  @Test(
    arguments: [
      ("http://10.0.0.7:8080", "http://10.0.0.7:8080"), ("http://10.0.0.7", "http://10.0.0.7"),
      ("HTTPS://Node-1.Example.ORG:443/", "https://node-1.example.org:443"),
      ("http://localhost:1/", "http://localhost:1"),
      ("http://[::1]:8080", "http://[::1]:8080"), ("http://[FD00::7]", "http://[fd00::7]"),
      ("http://[::ffff:10.0.0.7]:80", "http://[::ffff:10.0.0.7]:80"), ("http://node_1:65535", "http://node_1:65535"),
    ])
  func `scheme, host and port make a server's URL; letters are made small, a final slash is dropped`(
    url: String, text: String
  ) {
    #expect(ServerURL(url)?.text == text)
  }

  @Test(
    arguments: [
      "", "http", "http://", "http:///", "//10.0.0.7", "10.0.0.7:8080", "ftp://10.0.0.7", "file:///etc/passwd",
      "gopher://10.0.0.7", "javascript:alert(1)", "http:10.0.0.7", "http://user@10.0.0.7", "http://user:pw@10.0.0.7:80",
      "http://10.0.0.7?x", "http://10.0.0.7/?x", "http://10.0.0.7#x", "http://10.0.0.7/path", "http://10.0.0.7//",
      "http://10.0.0.7:", "http://10.0.0.7:0", "http://10.0.0.7:65536", "http://10.0.0.7:+80", "http://10.0.0.7:-1",
      "http://10.0.0.7:8a", "http://10.0.0.7:80:80", "http://[::1", "http://[]", "http://[::1]8080", "http://::1:80",
      "http://[::1%25eth0]", "http://[fe80::1%eth0]", "http://10.0.0.7 ", " http://10.0.0.7", "http://10.0.0.7\n",
      "http://10.0.0.7\\@evil", "http://a\u{0}b", "http://ä.example", "http://１0.0.0.7", "http://%31%30.0.0.7",
      "http://10.0.0.7:８０", "http://" + String(repeating: "a", count: 254),
      "http://10.0.0.7:" + String(repeating: "0", count: 400) + "80",
    ])
  func `whatever else a URL can have is refused`(url: String) {
    #expect(ServerURL(url) == nil)
  }
}
