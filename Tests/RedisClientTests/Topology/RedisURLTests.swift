import Testing

@testable import RedisClient

@Suite struct RedisURLTests {
  @Test func `everything but the host may be left out`() throws {
    let url = try RedisURL("redis://shop")
    #expect(!url.usesTLS && url.host == "shop" && url.port == 6379 && url.database == 0)
    #expect(url.user == nil && url.password == nil)
  }

  @Test func `every part is read`() throws {
    let url = try RedisURL("rediss://web:s%40cr%2Fet%3A@redis.example:7000/12")
    #expect(url.usesTLS && url.host == "redis.example" && url.port == 7000 && url.database == 12)
    #expect(url.user == "web" && url.password == "s@cr/et:")
  }

  @Test(arguments: ["redis://:secret@h", "redis://:secret@h:6379/", "redis://:secret@h/0"])
  func `a password needs no user`(text: String) throws {
    let url = try RedisURL(text)
    #expect(url.user == nil && url.password == "secret" && url.host == "h" && url.database == 0)
  }

  @Test(arguments: [("redis://127.0.0.1:1", "127.0.0.1", 1), ("redis://[::1]:65535/3", "::1", 65535)])
  func `addresses are hosts`(text: String, host: String, port: Int) throws {
    let url = try RedisURL(text)
    #expect(url.host == host && url.port == port)
  }

  @Test(arguments: [
    "", "h", "h:6379", "http://h", "redis:h", "redis://", "redis:///0", "redis://:6379", "redis://h:0",
    "redis://h:65536",
    "redis://h:x", "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://h/99999999999999999999", "redis://h/٣",
    "redis://h?db=1", "redis://h#1", "redis://user@h", "redis://user:@h", "REDIS//h", "redis://h h",
  ])
  func `anything else is refused`(text: String) {
    #expect(throws: RedisURL.Invalid.self) { try RedisURL(text) }
  }

  @Test(arguments: [
    "redis://web:hidden@h:0", "redis://:hidden@h/x", "redis://hidden@h", "http://:hidden@h", "redis://:hidden@h:x",
  ])
  func `no refusal tells a password`(text: String) {
    let error = #expect(throws: RedisURL.Invalid.self) { try RedisURL(text) }
    #expect(error?.reason.contains("hidden") == false)
  }

  @Test func `the address for logs tells no secret`() throws {
    #expect(try RedisURL("rediss://web:hidden@h:7/2").description == "rediss://h:7/2")
  }
}
