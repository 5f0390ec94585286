import Testing

@testable import RedisClient

@Suite struct SlotSearchTests {
  private static let (a, b) = (ServerAddress(host: "a", port: 1), ServerAddress(host: "b", port: 2))
  private static let problem = LinkProblem(url: RedisURL(usesTLS: false, address: a, user: nil, password: nil))

  private static func map(_ host: String) -> SlotMap {
    var map = SlotMap()
    _ = map.move(1, to: ServerAddress(host: host, port: 1))
    return map
  }

  private var search = SlotSearch(order: [a, b], takesUnsure: true)

  @Test mutating func `the first that is sure is believed`() {
    #expect(search.start() == .ask(Self.a))
    #expect(search.answered(.slots(Self.map("m"), isSure: true)) == .found(Self.map("m")))
  }

  @Test mutating func `one that has lost sight of the others is believed only if nobody is sure`() {
    _ = search.start()
    #expect(search.answered(.slots(Self.map("old"), isSure: false)) == .ask(Self.b))
    var other = search
    #expect(search.answered(.slots(Self.map("new"), isSure: true)) == .found(Self.map("new")))
    #expect(other.answered(.none("b is silent")) == .found(Self.map("old")))
  }

  @Test mutating func `one that has lost sight of the others says nothing new to those who know a map`() {
    search = SlotSearch(order: [Self.a], takesUnsure: false)
    _ = search.start()
    let words =
      "no server of the Cluster tells which slots are where: those that answer have lost sight of most masters"
    #expect(search.answered(.slots(Self.map("old"), isSure: false)) == .failed(words))
  }

  @Test mutating func `that none answers is told with every reason once`() {
    _ = search.start()
    _ = search.answered(.none("silent"))
    #expect(
      search.answered(.none("silent")) == .failed("no server of the Cluster tells which slots are where: silent"))
  }

  @Test func `answers of servers are judged`() {
    let slots = RedisReply.array([])
    let text = { (text: String) in RedisReply.bytes(Array(text.utf8)) }
    let answer = { (state: RedisReply?, slots: RedisReply) in
      SlotSearch.Answer(state: state, slots: slots, from: Self.problem)
    }
    #expect(answer(text("cluster_state:ok\r\n"), slots) == .slots(SlotMap(), isSure: true))
    #expect(answer(text("cluster_state:fail\r\n"), slots) == .slots(SlotMap(), isSure: false))
    #expect(answer(nil, slots) == .slots(SlotMap(), isSure: false))
    #expect(answer(nil, text("x")) == .none("a:1 does not answer CLUSTER SLOTS as Redis does"))
    #expect(
      answer(nil, .error("ERR This instance has cluster support disabled"))
        == .none("Redis at a:1 does not run in cluster mode: the URL must begin with redis://"))
    #expect(
      answer(nil, .error("NOPERM no"))
        == .none("the Redis user lacks a right at a:1: NOPERM no"))
  }
}
