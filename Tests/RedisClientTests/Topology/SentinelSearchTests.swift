import Testing

@testable import RedisClient

@Suite struct SentinelSearchTests {
  private static let (a, b) = (ServerAddress(host: "a", port: 1), ServerAddress(host: "b", port: 2))
  private static let master = ServerAddress(host: "m", port: 6379)

  private var search = SentinelSearch(for: "shop", order: [a, b])

  @Test mutating func `the first that names a master is believed`() {
    #expect(search.start() == .ask(Self.a))
    #expect(search.answered(.master(Self.master), by: Self.a) == .found(Self.master))
  }

  @Test mutating func `one that gives no answer is passed over`() {
    _ = search.start()
    #expect(search.answered(.silent("a refuses connections"), by: Self.a) == .ask(Self.b))
    #expect(search.answered(.master(Self.master), by: Self.b) == .found(Self.master))
  }

  @Test mutating func `one that knows no such master does not end the search`() {
    _ = search.start()
    #expect(search.answered(.nameUnknown, by: Self.a) == .ask(Self.b))
    #expect(search.answered(.master(Self.master), by: Self.b) == .found(Self.master))
  }

  @Test mutating func `that none answers is told with every reason`() {
    _ = search.start()
    _ = search.answered(.silent("a is silent"), by: Self.a)
    #expect(
      search.answered(.silent("b is gone"), by: Self.b)
        == .failed(LocationFailure(words: "no Sentinel answers: a is silent; b is gone")))
  }

  @Test mutating func `one that answers, and names none, is told apart from silence`() {
    _ = search.start()
    _ = search.answered(.silent("a is silent"), by: Self.a)
    #expect(
      search.answered(.useless("b wants a password"), by: Self.b)
        == .failed(LocationFailure(words: "no Sentinel names the master: a is silent; b wants a password")))
  }

  @Test mutating func `a name that nobody knows is told apart from silence`() {
    _ = search.start()
    _ = search.answered(.nameUnknown, by: Self.a)
    #expect(
      search.answered(.nameUnknown, by: Self.b)
        == .failed(LocationFailure(words: "the Sentinel at a:1, b:2 knows no master by the name shop")))
  }

  @Test mutating func `where one does not know the name and others are silent, both are told`() {
    _ = search.start()
    _ = search.answered(.silent("a is silent"), by: Self.a)
    let words =
      "the Sentinel at b:2 knows no master by the name shop; no other one names the master: a is silent"
    #expect(search.answered(.nameUnknown, by: Self.b) == .failed(LocationFailure(words: words)))
  }

  private static func text(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }

  @Test(
    arguments: [
      (.array([text("m"), text("6379")]), .master(master)), (.null, .nameUnknown),
      (.array([text(""), text("6379")]), .useless("a:1 names no address of a server")),
      (.array([text("m"), text("0")]), .useless("a:1 names no address of a server")),
      (.array([text("m"), text("65536")]), .useless("a:1 names no address of a server")),
      (.array([text("m")]), .useless("a:1 names no address of a server")),
      (.array([]), .useless("a:1 names no address of a server")),
      (.integer(1), .useless("a:1 does not answer as a Sentinel does")),
      (
        .error("ERR unknown command 'SENTINEL', with args"),
        .useless("a:1 is no Sentinel: ERR unknown command 'SENTINEL', with args")
      ),
      (
        .error("NOAUTH Authentication required."),
        .useless("the Sentinel at a:1 wants a password: set ITS PASSWORD")
      ),
      (.error("WRONGPASS no"), .useless("the Sentinel at a:1 does not accept ITS USER or ITS PASSWORD")),
      (.error("NOPERM no"), .useless("the Sentinel at a:1 refuses to answer: NOPERM no")),
    ] as [(RedisReply, SentinelSearch.Answer)])
  func `an answer is judged before it is believed`(reply: RedisReply, answer: SentinelSearch.Answer) {
    let names = SentinelAccess.LoginNames(user: "ITS USER", password: "ITS PASSWORD")
    #expect(SentinelSearch.Answer(reply, from: Self.a, login: names) == answer)
  }

  @Test(
    arguments: [
      ("shop 10.0.0.1 6379 10.0.0.2 6380", ServerAddress(host: "10.0.0.2", port: 6380)),
      ("shop ::1 6379 ::2 6380", ServerAddress(host: "::2", port: 6380)),
      ("other 10.0.0.1 6379 10.0.0.2 6380", nil), ("shop 10.0.0.1 6379 10.0.0.2", nil),
      ("shop 10.0.0.1 6379 10.0.0.2 x", nil), ("shop 10.0.0.1 6379 10.0.0.2 0", nil), ("", nil),
    ] as [(String, ServerAddress?)])
  func `only news of this master is news`(words: String, master: ServerAddress?) {
    let message = RedisReply.array([Self.text("message"), Self.text("+switch-master"), Self.text(words)])
    #expect(SwitchMessage(message, of: "+switch-master", masterName: "shop")?.master == master)
    let another = RedisReply.array([Self.text("message"), Self.text("+sdown"), Self.text(words)])
    #expect(SwitchMessage(another, of: "+switch-master", masterName: "shop") == nil)
  }
}
