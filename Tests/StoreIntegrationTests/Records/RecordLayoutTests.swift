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
      of: "#!lua\n\(body)", behind: String(decoding: shared, as: UTF8.self),
      ScriptConstant.all(.init(), RedisKeys()) + [ScriptConstant("BATCH", false)])
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

  @Test func `instant: its seconds and its milliseconds`() async throws {
    let cut = try await lua(
      "return { string.sub(ARGV[2], 1, SECONDS_END), string.sub(ARGV[2], MILLIS_START) }", ["1700000012345"])
    #expect(cut == ["1700000012", "345"])
  }

  @Test func `idempotency: what each write puts on record, and how it is read`() async throws {
    await store.stock(["A"], total: 10)
    let fingerprint = Fingerprint(of: "a request")
    let head = IdempotencyRecord.head(fingerprint)
    func answer(_ key: String) async throws -> ArraySlice<UInt8> {
      let record = Array(try await text(key).utf8)[...]
      guard case .ours(let answer) = IdempotencyRecord.answer(in: record, for: fingerprint) else {
        Issue.record("\(key) is none of ours")
        return []
      }
      return answer
    }
    let (sku, at) = (SKU(stored: "A".utf8), ScriptStore.at)
    let tail = String(
      buffer: StoredReservation.tail(lines: [ReservationLine(sku: sku, quantity: 3)], labels: Labels()))
    let ids = [ReservationID(), ReservationID()]
    for id in ids {
      let opening = head + RecordedAnswer.Hold.opening(id)
      let reply = try await store.run(\.reserve.script, id.text, "60", tail, "idem:reserve", opening, "A", "3")
      #expect(reply == "OK \(at(60_000))")
      let hold = RecordedAnswer.Hold(id: id, createdAt: at(0), expiresAt: at(60_000))
      #expect(try await RecordedAnswer.Hold(answer("idem:reserve")) == hold)
      try await store.engine.link.reply("DEL", "idem:reserve")
    }

    // Each step records the reservation as it leaves it.
    for (step, id, rest) in [
      (\ScriptLibrary.extend.script, ids[0], ["90"]), (\.confirm.script, ids[0], []), (\.cancel.script, ids[1], []),
    ] as [(KeyPath<ScriptLibrary, Script>, ReservationID, [String])] {
      let key = "idem:\(id.text)"
      #expect(try await store.run(step, [id.text, key, head] + rest).hasPrefix("OK "))
      #expect(try await String(decoding: answer(key), as: UTF8.self) == text("reservation:\(id.text)"))
      try await store.engine.link.reply("DEL", key)
    }

    // Three pieces are sold, none is held.
    let changes: [(sku: String, change: [String], isNew: Bool, available: Int, total: Int, sold: Int)] = [
      ("A", ["adjust", "5", ""], false, 12, 15, 3), ("B", ["set", "7", ""], true, 7, 7, 0),
    ]
    for change in changes {
      let (key, sku) = ("idem:\(change.sku)", SKU(stored: change.sku.utf8))
      #expect(try await store.run(\.changeStock.script, [change.sku, key, head] + change.change).hasPrefix("OK "))
      let inventory = Inventory(sku: sku, available: change.available, total: change.total, sold: change.sold)
      let stock = RecordedAnswer.Stock(isNew: change.isNew, inventory: inventory)
      #expect(try await RecordedAnswer.Stock(answer(key), of: sku) == stock)
    }
    #expect(try await store.run(\.deleteStock.script, "B", "idem:deleted", head) == "OK")
    #expect(try await answer("idem:deleted").isEmpty)
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
    for (record, read) in zip(records, try await readAlike(records)) {
      // The tail written again from the parsed values is unchanged.
      guard let read else { continue }
      #expect(record.hasSuffix(String(buffer: StoredReservation.tail(lines: read.lines, labels: read.labels))))
    }
  }

  /// What Swift reads of each record; nil for one that is none. Lua reads the same.
  private func readAlike(_ records: [String]) async throws -> [Reservation?] {
    let found = try await lua(
      """
      local found = {}
      for i = 2, #ARGV do
        local status, deadline, created, skus, quantities = read_record(ARGV[i])
        found[i - 1] = status and table.concat(
          { status, deadline, created, table.concat(skus, ' '), table.concat(quantities, ' ') }, ' ') or '-'
      end
      return found
      """, records)
    #expect(found.count == records.count)
    return zip(records, found).map { record, found in
      let read = try? StoredReservation.read(Array(record.utf8)[...], id: ReservationID(), now: 0)
      #expect(found == read.map { Self.fields(of: $0).joined(separator: " ") } ?? "-", "\(record.debugDescription)")
      return read
    }
  }

  private static let instant = "1700000000000"

  /// A record of one line that is active for a minute, but for what is given.
  private static func record(
    _ status: String = #"ACTIVE""#, deadline: String = "1700000060000", created: String = instant,
    items: String = #""A":1"#, rest: String = "}"
  ) -> String {
    #"{"v":1,"status":"\#(status),"expiresAt":\#(deadline),"createdAt":\#(created),"items":{\#(items)}\#(rest)"#
  }

  /// Records, and whether they are as scripts write them.
  private static var records: [(record: String, isWhole: Bool)] {
    let ends: [(status: String, name: String?)] = [
      ("ACTIVE", nil), ("CONFIRMED", "confirmedAt"), ("CANCELLED", "cancelledAt"), ("EXPIRED", "expiredAt"),
    ]
    var records: [(record: String, isWhole: Bool)] = []
    for status in ends.map(\.status) + ["HELD", "Confirmed", ""] {
      for name in [nil, "confirmedAt", "cancelledAt", "expiredAt", "endedAt"] {
        let end = name.map { #","\#($0)":\#(instant)"# } ?? ""
        let isWhole = ends.contains { $0.status == status && $0.name == name }
        records.append((record(#"\#(status)"\#(end)"#), isWhole))
      }
    }
    let instants = [
      "170000000000", "17000000000000", "0700000000000", "01700000000000", "-700000000000", "170000000000x",
      "1700000000000.0", "1.7e12", "17000000000 0", " 1700000000000", "",
    ]
    for text in [instant] + instants {
      for made in [record(deadline: text), record(created: text), record(#"CONFIRMED","confirmedAt":\#(text)"#)] {
        records.append((made, text == instant))
      }
    }
    for (deadline, isLife) in [
      (instant, true), ("1699999999999", false), ("1700003600000", true), ("1700003600001", false),
    ] { records.append((record(deadline: deadline), isLife)) }
    for quantity in ["1", "10", "1000000"] { records.append((record(items: #""A":\#(quantity)"#), true)) }
    for quantity in ["0", "02", "1000001", "99999999999999999999", "-1", "1.0", "1e3", "0x1", " 1", "1 ", "x", ""] {
      records.append((record(items: #""A":\#(quantity)"#), false))
    }
    // A node sorts lines. Readers need not.
    for items in [#""A":1,"B":2"#, #""B":2,"A":1"#] { records.append((record(items: items), true)) }
    for items in [
      "", #""A":1,"#, #","A":1"#, #""A":1,"A":1"#, #""A":1 ,"B":2"#, #""A":1,"B""#, "\"\":1", #"A:1"#, #""A" :1"#,
    ] { records.append((record(items: items), false)) }
    for (rest, isWhole) in [
      (#","customerId":"c"}"#, true), (#","reference":"r"}"#, true), (#","customerId":"c","reference":"r"}"#, true),
      (#","customerId":""}"#, false), (#","reference":""}"#, false), (#","customerId":"c","reference":""}"#, false),
      (#","reference":"r","customerId":"c"}"#, false), (#","customerId":"c","customerId":"c"}"#, false),
      (#","note":"n"}"#, false), (",}", false), ("", false), ("} ", false), ("}}", false), ("}\n", false),
    ] { records.append((record(rest: rest), isWhole)) }
    return records
  }

  @Test func `reservations: Lua and Swift take them only as they are written`() async throws {
    let records = Self.records
    for (record, read) in zip(records, try await readAlike(records.map(\.record))) {
      #expect((read != nil) == record.isWhole, "\(record.record.debugDescription)")
    }
  }

  @Test func `reservations: Lua and Swift read the same of those that are spoiled anywhere`() async throws {
    let whole = Self.records.filter(\.isWhole).map(\.record)
    for seed in UInt64(1)...5 {
      var random = SeededRandom(seed)
      let records = (0..<500).map { _ in
        var record = Array(random.pick(whole).utf8)
        for _ in 0..<random.number(1...3) { random.mutate(&record, with: Array(#"{}":,0123456789"#.utf8)) }
        return String(decoding: record, as: UTF8.self)
      }
      let read = try await readAlike(records)
      #expect(read.contains { $0 != nil } && read.contains { $0 == nil }, "seed \(seed)")
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
