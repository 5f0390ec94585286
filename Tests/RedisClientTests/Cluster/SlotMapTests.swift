import Testing

@testable import RedisClient

@Suite struct SlotMapTests {
  private static let asked = ServerAddress(host: "asked", port: 7000)

  /// One server in a reply to CLUSTER SLOTS.
  private static func server(_ host: RedisReply, _ port: Int64) -> RedisReply {
    .array([host, .integer(port), .bytes(Array("id".utf8)), .array([])])
  }

  private static func server(_ host: String, _ port: Int64 = 6379) -> RedisReply {
    server(.bytes(Array(host.utf8)), port)
  }

  private static func range(_ first: Int64, _ last: Int64, _ servers: RedisReply...) -> RedisReply {
    .array([.integer(first), .integer(last)] + servers)
  }

  private func read(_ ranges: RedisReply...) -> SlotMap? { SlotMap(.array(ranges), from: Self.asked) }

  @Test func `each slot has the master of its range`() throws {
    let map = try #require(
      read(
        Self.range(8000, 16383, Self.server("b"), Self.server("b2")), Self.range(0, 4000, Self.server("a", 7001)),
        Self.range(4001, 4001, Self.server("c"))))
    let (a, b) = (ServerAddress(host: "a", port: 7001), ServerAddress(host: "b", port: 6379))
    for slot in [0, 1, 4000] { #expect(map.master(of: slot) == a) }
    #expect(map.master(of: 4001)?.host == "c")
    for slot in [4002, 7999] { #expect(map.master(of: slot) == nil) }
    for slot in [8000, 12_000, 16_383] { #expect(map.master(of: slot) == b) }
    #expect(Set(map.servers.map(\.host)) == ["a", "b", "b2", "c"])
  }

  @Test func `a server that leaves its own host out is at the host that was asked`() throws {
    let map = try #require(read(Self.range(0, 5, Self.server("", 1)), Self.range(6, 9, Self.server(.null, 2))))
    #expect(map.master(of: 0) == ServerAddress(host: "asked", port: 1))
    #expect(map.master(of: 9) == ServerAddress(host: "asked", port: 2))
  }

  @Test func `a server that nobody can reach serves nothing`() throws {
    let map = try #require(read(Self.range(0, 5, Self.server("?", 1)), Self.range(6, 9, Self.server("a"))))
    #expect(map.master(of: 0) == nil && map.master(of: 6)?.host == "a")
  }

  @Test func `no slots at all are a map, too`() throws {
    #expect(try #require(read()).master(of: 0) == nil)
  }

  @Test func `what is no such reply is refused`() {
    #expect(SlotMap(.null, from: Self.asked) == nil)
    #expect(SlotMap(.error("ERR"), from: Self.asked) == nil)
    #expect(read(.array([.integer(0), .integer(5)])) == nil)
    #expect(read(Self.range(5, 4, Self.server("a"))) == nil)
    #expect(read(Self.range(-1, 4, Self.server("a"))) == nil)
    #expect(read(Self.range(0, 16_384, Self.server("a"))) == nil)
    #expect(read(Self.range(0, 9, Self.server("a")), Self.range(9, 12, Self.server("b"))) == nil)
  }

  @Test func `a slot that is said to be elsewhere is there, and only that one`() throws {
    var map = try #require(read(Self.range(0, 9, Self.server("a"))))
    let b = ServerAddress(host: "b", port: 1)
    #expect(map.move(4, to: b) == true)
    #expect(map.move(4, to: b) == false, "no news")
    #expect(map.master(of: 4) == b && map.master(of: 3)?.host == "a" && map.master(of: 5)?.host == "a")
    #expect(map.servers.contains(b))
  }

  @Test func `a refusal tells where the slot is`() {
    let move = SlotMove(line: "MOVED 3999 10.0.0.1:6381", from: Self.asked)
    #expect(move == SlotMove(slot: 3999, address: ServerAddress(host: "10.0.0.1", port: 6381)))
    #expect(SlotMove(line: "MOVED 0 ::1:6381", from: Self.asked)?.address == ServerAddress(host: "::1", port: 6381))
    #expect(SlotMove(line: "MOVED 0 :6381", from: Self.asked)?.address == ServerAddress(host: "asked", port: 6381))
  }

  @Test(arguments: [
    "MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a:x",
    "MOVED 1 ?:1", "ASK 1 a:1", "ERR MOVED 1 a:1", "MOVED 1 a:1 b",
  ])
  func `any other refusal tells nothing`(line: String) {
    #expect(SlotMove(line: line, from: Self.asked) == nil)
  }
}
