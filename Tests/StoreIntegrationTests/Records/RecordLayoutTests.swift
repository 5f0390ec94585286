import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// Scripts write and cut records with the layout that Swift defines.
@Suite struct RecordLayoutTests {
  private let store: ScriptStore

  init() async throws { store = try await ScriptStore(try await PrivateRedis()) }

  /// The result of a Lua script with the record code of our scripts. It finds `arguments` from `ARGV[2]` on.
  private func lua(_ body: String, _ arguments: [String]) async throws -> [String] {
    let shared = PackageResources.prelude_lua + PackageResources.stock_lua + PackageResources.hold_lua
    let source = ScriptLibrary.source(
      of: "#!lua\n\(body)", behind: String(decoding: shared, as: UTF8.self), ScriptConstant.all(.init(), RedisKeys()))
    let reply = try await store.engine.link.send(["EVAL", source, "0", "9999999999999"] + arguments).get()
    let texts = reply.elements.compactMap(\.text)
    return try #require(texts.isEmpty ? nil : texts, "\(reply)")
  }

  private func text(_ key: String) async throws -> String {
    try #require(try await store.engine.link.reply("GET", key).text)
  }

  @Test func `lease: its token, its term, its holder`() async throws {
    var random = SystemRandomNumberGenerator()
    let token = LeaseRecord.newToken(using: &random)
    _ = try await store.acquire()
    // An epoch that differs from the instant.
    #expect(try await store.acquire(token, replacing: ScriptStore.ours).hasPrefix("OK "))
    let lease = try await text("lease")
    var tokens = ReplyTokens(Array(lease.utf8)[...])
    let record = try #require(LeaseRecord(&tokens))
    #expect(record.token == token && record.epoch == ScriptStore.at(0) + 1 && record.acquiredAt == ScriptStore.at(0))
    let cut = try await lua(
      """
      local record = string.match(ARGV[2], LEASE_RECORD)
      return {
        string.sub(record, 1, TOKEN_END), string.sub(record, EPOCH_START, EPOCH_END),
        string.sub(record, EPOCH_START, TERM_END), string.sub(record, HOLDER_START),
      }
      """, [lease])
    #expect(
      cut == [
        record.token, "\(record.epoch)", "\(record.epoch) \(record.acquiredAt)",
        "\(record.connection) \(record.nodeID) \(record.address)",
      ])
  }

  private static let fields = """
    local status, deadline, created, skus, quantities = read_record(ARGV[2])
    return { status, deadline, created, table.concat(skus, ' '), table.concat(quantities, ' ') }
    """

  private static func fields(of reservation: Reservation) -> [String] {
    [
      reservation.status.rawValue, "\(reservation.expiresAt)", "\(reservation.createdAt)",
      reservation.lines.map(\.sku.text).joined(separator: " "),
      reservation.lines.map { "\($0.quantity)" }.joined(separator: " "),
    ]
  }

  @Test func `reservation: each of its states, and what scripts put anew`() async throws {
    await store.stock(["A", "b.c"], total: 100)
    let labels = Labels(customerID: Label(#"c"1"#), reference: Label(#"\r"#))
    var ids: [String] = []
    for ttlSeconds in [10, 60, 60, 60, 60] {
      let lines = [Call.Line(sku: "b.c", quantity: 10), Call.Line(sku: "A", quantity: 7)]
      let basket = Call.Basket(
        lines: lines, customerID: labels.customerID?.text, reference: labels.reference?.text, ttlSeconds: ttlSeconds)
      ids.append(await store.engine.ask(Call(wish: .reserve(basket)), age: Engine.patience).reservationID)
    }
    try await store.setClock(5000)
    for wish in [Call.Wish.confirm(ids[1]), .cancel(ids[2]), .extend(ids[3], ttlSeconds: 90)] {
      #expect(await store.engine.ask(Call(wish: wish), age: Engine.patience).isSuccess)
    }
    try await store.setClock(10_000)
    _ = try await store.acquire()
    #expect(try await store.sweep().hasPrefix("OK 1 "))

    let at = ScriptStore.at
    let expected: [(status: Reservation.Status, expiresAt: Int64, endedAt: Int64?)] = [
      (.expired, at(10_000), at(10_000)), (.confirmed, at(60_000), at(5000)), (.cancelled, at(60_000), at(5000)),
      (.active, at(95_000), nil), (.active, at(60_000), nil),
    ]
    for (text, expected) in zip(ids, expected) {
      let id = try #require(ReservationID(text))
      let record = try await self.text("reservation:\(text)")
      let read = try StoredReservation.read(Array(record.utf8)[...], id: id, now: 0)
      let lines = [("A", 7), ("b.c", 10)].map { ReservationLine(sku: SKU(stored: $0.utf8), quantity: $1) }
      #expect(
        read
          == Reservation(
            id: id, status: expected.status, lines: lines, labels: labels, createdAt: at(0),
            expiresAt: expected.expiresAt, endedAt: expected.endedAt))
      #expect(try await lua(Self.fields, [record]) == Self.fields(of: read))
      guard read.status == .active else { continue }
      let parts = try await lua(
        "return { string.sub(ARGV[2], AFTER_STATUS), string.sub(ARGV[2], AFTER_DEADLINE) }", [record])
      let kept = #","createdAt":\#(read.createdAt),"items":{"A":7,"b.c":10},"customerId":"c\"1","reference":"\\r"}"#
      #expect(parts == [#","expiresAt":\#(read.expiresAt)"# + kept, kept])
    }
  }

  @Test func `sale: the id of its reservation and the instant`() async throws {
    await store.stock(["A"])
    try await store.setClock(1234)
    let id = try await store.sell("A")
    let entries = try await store.engine.link.reply("LRANGE", "sales:A", "0", "-1").elements.compactMap(\.text)
    let cut = try await lua("return { string.sub(ARGV[2], 1, SALE_ID_END), string.sub(ARGV[2], SALE_AT) }", entries)
    #expect(cut == [id, "\(ScriptStore.at(1234))"])
  }

  @Test func `SKUs: the same names pass in Lua as in Swift`() async throws {
    let scalars = (UInt8.min...UInt8.max).map { String(Unicode.Scalar($0)) }
    let texts =
      scalars + scalars.map { "a" + $0 } + scalars.map { $0 + "a" } + ["", "A.b_c-9", "a b"]
      + [63, 64, 65].map { String(repeating: "x", count: $0) }
    let found = try await lua(
      """
      local passed = {}
      for i = 2, #ARGV do
        passed[i - 1] = tostring(#ARGV[i] <= SKU_LIMIT and string.find(ARGV[i], SKU_NAME) ~= nil)
      end
      return passed
      """, texts)
    #expect(found.count == texts.count)
    for (text, passed) in zip(texts, found) { #expect(passed == "\(SKU(text) != nil)", "\(text.debugDescription)") }
  }

  @Test func `labels: the same records pass in Lua as in Swift, whatever stands in a label`() async throws {
    let head = #"{"v":1,"status":"ACTIVE","expiresAt":1700000060000,"createdAt":1700000000000,"items":{"A":1}"#
    let scalars = (UInt8.min...UInt8.max).map { String(Unicode.Scalar($0)) }
    let records = ["customerId", "reference"].flatMap { name in
      (scalars + scalars.map { "\\" + $0 } + [#"\\\""#, #"\\\"#, "a\u{301}"]).map {
        #"\#(head),"\#(name)":"a\#($0)"}"#
      }
    }
    let found = try await lua(
      """
      local passed = {}
      for i = 2, #ARGV do
        passed[i - 1] = tostring(read_record(ARGV[i]) ~= nil)
      end
      return passed
      """, records)
    #expect(found.count == records.count)
    for (record, passed) in zip(records, found) {
      let read = try? StoredReservation.read(Array(record.utf8)[...], id: ReservationID(), now: 0)
      #expect(passed == "\(read != nil)", "\(record.debugDescription)")
      // The tail written again from the parsed values is unchanged.
      guard let read else { continue }
      #expect(record.hasSuffix(String(buffer: StoredReservation.tail(lines: read.lines, labels: read.labels))))
    }
  }

  @Test func `store: its identity and the name of a mark`() async throws {
    let (identity, name) = (StoreMark.newIdentity(), StoreMark.newName())
    func look() async throws -> [Substring] {
      try await store.run(\.probeStore.script, identity, name, "0", "64", "0").split(separator: " ")
    }
    let first = try await look()
    #expect(first.prefix(4) == ["OK", "-", Substring(identity), "0"], "\(first)")
    let second = try await look()
    #expect(second.prefix(3) == ["OK", Substring(identity), Substring(identity)], "\(second)")
    #expect(second.suffix(2).first == Substring(name), "\(second)")
  }
}
