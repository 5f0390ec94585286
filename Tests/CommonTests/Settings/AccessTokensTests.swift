import Testing

@testable import Common

@Suite struct AccessTokensTests {
  @Test func `no tokens are empty and match nothing`() {
    let tokens = AccessTokens()
    #expect(tokens.isEmpty)
    #expect(tokens.name(for: "") == nil)
    #expect(tokens.name(for: "x") == nil)
  }

  @Test func `a single token is called default`() {
    let tokens = AccessTokens(token: "s3cret")
    #expect(!tokens.isEmpty)
    #expect(tokens.name(for: "s3cret") == "default")
    #expect(tokens.name(for: Array("s3cret".utf8)) == "default")
    // A sequence that is not contiguous in memory.
    #expect(tokens.name(for: "s3cret".utf8.lazy.map { $0 }) == "default")
    for wrong in ["", "s3cre", "s3cret ", "S3cret", "default"] {
      #expect(tokens.name(for: wrong) == nil)
    }
  }

  @Test func `a list names its tokens`() throws {
    let tokens = try AccessTokens(
      list: """
        # the shop

        web:old
        web:new:with:colons
          app-2:x\t\r
        web:old
        """)
    #expect(tokens.name(for: "old") == "web")
    #expect(tokens.name(for: "new:with:colons") == "web")
    #expect(tokens.name(for: "x") == "app-2")
    #expect(tokens.name(for: "# the shop") == nil)
  }

  @Test func `a list without tokens is empty`() throws {
    #expect(try AccessTokens(list: "# nothing\n\n").isEmpty)
  }

  @Test(arguments: [
    ("hidden", "line 1: not name:token"),
    ("a:1\nhidden:", "line 2: the token must be"),
    (":hidden", "line 1: the name must be"),
    ("-hidden:x", "line 1: the name must be"),
    ("hid den:x", "line 1: the name must be"),
    ("hidden-ü:x", "line 1: the name must be"),
    (String(repeating: "hidden", count: 11) + ":x", "line 1: the name must be"),
    ("a:hidden hidden", "line 1: the token must be"),
    ("a:hiddenü", "line 1: the token must be"),
    ("a:" + String(repeating: "h", count: 513), "line 1: the token must be"),
    ("\r\n# x\r\na:1\r\nb:hidden\r\nhidden:hidden", "line 5: the token stands under another name"),
  ])
  func `a bad list is told by line, and not by content`(list: String, reason: String) throws {
    let error = try #require(throws: AccessTokens.Invalid.self) { try AccessTokens(list: list) }
    #expect(error.reason.hasPrefix(reason))
    #expect(!error.reason.contains("hidden"))
  }

  @Test func `the longest token and name are taken`() throws {
    let (name, token) = (String(repeating: "n", count: 64), String(repeating: "~", count: 512))
    #expect(try AccessTokens(list: "\(name):\(token)").name(for: token) == name)
  }

  @Test func `a shared token is found, whatever its name`() throws {
    let one = try AccessTokens(list: "a:1\nb:2")
    #expect(one.sharesToken(with: AccessTokens(token: "2")))
    #expect(!one.sharesToken(with: AccessTokens(token: "3")))
    #expect(!one.sharesToken(with: AccessTokens()))
  }

  @Test func `a dump tells no token`() {
    var dump = ""
    Swift.dump(AccessTokens(token: "s3cret"), to: &dump)
    #expect(!dump.contains("s3cret"))
  }
}
