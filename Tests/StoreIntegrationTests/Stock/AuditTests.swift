import NIOCore
import TestSupport
import Testing

@testable import Node
@testable import Store

extension AgainstRedis {
  /// The audit tells damage from normal changes.
  @Suite struct AuditTests {
    private typealias Violation = AuditService.Violation

    /// A has 4 pieces held, 2 + 1 sold and 3 left. B is in the same reservations and stays undamaged.
    private struct Store {
      let redis: PrivateRedis
      let engine: Engine
      let held: String
      let sold: String

      init(tuning: ScriptLibrary.Tuning = .init()) async throws {
        redis = try await PrivateRedis()
        engine = try await Engine(redis.url, scripts: TestClock.scripts(tuning: tuning))
        engine.link.post(TestClock.setting(TestClock.start))
        let lines = { (quantity: Int) in [Call.Line(sku: "A", quantity: quantity), Call.Line(sku: "B", quantity: 1)] }
        for sku in ["A", "B", "C"] { _ = await engine.ask(Call(wish: .set(sku, total: 10))) }
        held = await engine.ask(.reserve(lines(4), ttlSeconds: 60)).reservationID
        sold = await engine.ask(.reserve(lines(2))).reservationID
        let alsoSold = await engine.ask(.reserve("A", 1)).reservationID
        for id in [sold, alsoSold] { _ = await engine.ask(Call(wish: .confirm(id))) }
        let cancelled = await engine.ask(.reserve(lines(1))).reservationID
        _ = await engine.ask(Call(wish: .cancel(cancelled)))
      }
    }

    @Test
    func `clean data is consistent: holds, sales, cancelled ones, expired ones that nothing released`() async throws {
      let store = try await Store()
      #expect(
        try await store.engine.audit().document.text
          == "{\"consistent\":true,\"skus\":3,\"violations\":[],\"unverified\":[]}")
      _ = try await store.engine.link.send(TestClock.setting(TestClock.start + 60_000)).get()
      #expect(try await store.engine.audit().violations == [])
      #expect(try await store.engine.link.integer("ZCARD", "holds:A") == 1)
    }

    @Test func `thousands of members of the index that are no SKUs are one violation with their number`() async throws {
      let store = try await Store()
      let fill = "for i = 1, 5000 do redis.call('ZADD', 'skus', 0, '!' .. i) end"
      _ = try await store.engine.link.send("EVAL", fill, "0").get()
      let (report, slices) = try await store.engine.slices()
      let found = report.violations.filter { $0.rule == .indexReadable }
      #expect(report.skus == 3 && found.count <= slices && found.reduce(0) { $0 + $1.found } == 5000)
      #expect(found.count == report.violations.count)
    }

    enum Damage: String, CaseIterable, Sendable {
      case available, total, sold, negative, lostCounter, lostHold, lostSale, holdAltered, saleAltered, saleSpoiled,
        otherQuantity, lostIndex, doubledSale, otherType, noNumber, wrongDeadline, lifetime, counterLifetime, foreignSKU
    }

    @Test(arguments: Damage.allCases)
    func `each kind of damage is told, with what the reservations add up to and the counter says`(
      _ damage: Damage
    ) async throws {
      let store = try await Store()
      let (held, sold) = ("reservation:\(store.held)", "reservation:\(store.sold)")
      let reserved = { (sku: String, expected: Int, found: Int) in
        Violation(sku: SKU(stored: sku.utf8), rule: .reservedEqualsActive, expected: expected, found: found)
      }
      let confirmed = { (sku: String, expected: Int, found: Int) in
        Violation(sku: SKU(stored: sku.utf8), rule: .soldEqualsConfirmed, expected: expected, found: found)
      }
      let negative = { (sku: String, found: Int) in
        Violation(sku: SKU(stored: sku.utf8), rule: .countersNotNegative, expected: 0, found: found)
      }
      let other = { (sku: String, rule: Violation.Rule) in
        Violation(sku: SKU(stored: sku.utf8), rule: rule, expected: 0, found: 1)
      }
      let (commands, expected): ([[String]], [Violation]) =
        switch damage {
        case .available: ([["DECRBY", "inventory:A", "1"]], [reserved("A", 4, 5)])
        case .total: ([["INCRBY", "total:A", "5"]], [reserved("A", 4, 9)])
        case .sold: ([["INCRBY", "sold:A", "1"]], [reserved("A", 4, 3), confirmed("A", 3, 4)])
        case .negative: ([["SET", "inventory:C", "-3"]], [negative("C", -3), reserved("C", 0, 13)])
        case .lostCounter: ([["DEL", "inventory:A"]], [reserved("A", 4, 7), other("A", .keysReadable)])
        case .lostHold: ([["DEL", held]], [reserved("A", 0, 4), reserved("B", 0, 1)])
        case .lostSale: ([["DEL", sold]], [confirmed("A", 1, 3), confirmed("B", 0, 1)])
        case .holdAltered:
          (
            [altered(held, "ACTIVE", "CANCEL")],
            [reserved("A", 0, 4), other("A", .recordsReadable), reserved("B", 0, 1), other("B", .recordsReadable)]
          )
        case .otherType:
          ([["DEL", "holds:A"], ["SET", "holds:A", "x"]], [reserved("A", 0, 4), other("A", .keysReadable)])
        case .noNumber:
          ([["SET", "sold:A", "3.0"]], [reserved("A", 4, 7), confirmed("A", 3, 0), other("A", .keysReadable)])
        case .wrongDeadline: ([["ZADD", "holds:A", "1e300", store.held]], [other("A", .deadlinesIndexed)])
        case .lifetime: ([["EXPIRE", held, "1000"]], [other("A", .noExpiry), other("B", .noExpiry)])
        case .counterLifetime: ([["EXPIRE", "sold:C", "1000"]], [other("C", .noExpiry)])
        case .foreignSKU:
          ([["ZADD", "skus", "0", "no SKU\n"]], [Violation(sku: nil, rule: .indexReadable, expected: 0, found: 1)])
        case .saleAltered:
          (
            [altered(sold, #"CONFIRMED","confirmedAt"#, #"CANCELLED","cancelledAt"#)],
            [confirmed("A", 1, 3), confirmed("B", 0, 1)]
          )
        case .saleSpoiled:
          (
            [altered(sold, "CONFIRMED", "CANCELLED")],
            [confirmed("A", 1, 3), other("A", .recordsReadable), confirmed("B", 0, 1), other("B", .recordsReadable)]
          )
        case .otherQuantity: ([altered(held, "\"A\":4", "\"A\":7")], [reserved("A", 7, 4)])
        case .lostIndex: ([["ZREM", "holds:A", store.held]], [reserved("A", 0, 4)])
        case .doubledSale: ([["RPUSH", "sales:A", "\(store.sold)\(TestClock.start)"]], [confirmed("A", 5, 3)])
        }
      for command in commands { _ = try await store.engine.link.send(command).get() }
      let report = try await store.engine.audit(age: Engine.patience)
      #expect(report.violations == expected)
      #expect(report.skus == 3 && report.unverified == [])
      let first = try #require(expected.first)
      #expect(
        report.document.text.hasPrefix(
          "{\"consistent\":false,\"skus\":3,\"violations\":[{"
            + (first.sku.map { "\"sku\":\"\($0.text)\"," } ?? "") + "\"rule\":\"\(first.rule.rawValue)\""
            + ",\"expected\":\(first.expected),\"found\":\(first.found)}"))
    }

    private func altered(_ key: String, _ old: String, _ new: String) -> [String] {
      [
        "EVAL",
        "local r = redis.call('GET', KEYS[1]) local at = string.find(r, ARGV[1], 1, true) "
          + "return redis.call('SET', KEYS[1], string.sub(r, 1, at - 1) .. ARGV[2] .. string.sub(r, at + #ARGV[1]))",
        "1", key, old, new,
      ]
    }

    @Test
    func `sales past their retention may be gone: sold is what is left of them, or more, never less`() async throws {
      let store = try await Store(tuning: .init(retentionSeconds: 1, eventsMaxLength: 100))
      // Its expiry would do the same a minute later.
      try await store.engine.link.reply("DEL", "reservation:\(store.sold)")
      let early = try await store.engine.audit()
      #expect(early.violations.map(\.rule) == [.soldEqualsConfirmed, .soldEqualsConfirmed], "gone before its time")
      // The audit uses another connection, so the clock must be set before it asks.
      _ = try await store.engine.link.send(TestClock.setting(TestClock.start + 1000)).get()
      #expect(try await store.engine.audit().violations == [])
      try await store.engine.link.reply("SET", "sold:A", "0")
      try await store.engine.link.reply("SET", "inventory:A", "6")
      #expect(
        try await store.engine.audit().violations
          == [Violation(sku: SKU(stored: "A".utf8), rule: .soldEqualsConfirmed, expected: 1, found: 0)])
    }
  }
}

extension AgainstRedis {
  /// The audit of SKUs that change during the count.
  @Suite struct RestlessAuditTests {
    @Test func `a count in many steps while writers hammer the SKU: no false violation`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      let writers = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 1_000_000)))
      _ = await engine.ask(Call(wish: .set("B", total: 10)))
      let old = await hold(1200, on: writers)

      // Without changes, it is counted in several steps.
      let before = try await engine.link.callsOfScripts()
      #expect(try await engine.wholeAudit().violations == [])
      #expect(try await engine.link.callsOfScripts() - before >= 1 + 4, "not a count in steps")

      let reports = try await withThrowingTaskGroup(of: [AuditService.Report].self) { tasks in
        tasks.addTask {
          var reports: [AuditService.Report] = []
          let end = ContinuousClock.now + .seconds(120)
          // How often writers interrupt depends on the machine, so this repeats until it has happened.
          while reports.count < 25 || !reports.contains(where: Self.isCaughtInMotion), ContinuousClock.now < end {
            reports.append(try await engine.wholeAudit())
          }
          return reports
        }
        tasks.addTask {
          // The oldest holds end while new ones come, so counted entries change during the count.
          var ids = old
          while !Task.isCancelled {
            ids += await hold(10, on: writers)
            for (number, id) in ids.prefix(10).enumerated() {
              _ = await writers.ask(Call(wish: number % 2 == 0 ? .confirm(id) : .cancel(id)))
            }
            ids.removeFirst(10)
          }
          return []
        }
        let reports = try await tasks.next() ?? []
        tasks.cancelAll()
        return reports
      }
      #expect(reports.count >= 25)
      #expect(reports.allSatisfy { $0.violations == [] })
      #expect(reports.contains(where: Self.isCaughtInMotion), "it was never caught in motion")
      #expect(reports.allSatisfy { !$0.unverified.map(\.text).contains("B") })

      // Damage is still found once the SKU no longer changes.
      try await engine.link.reply("DECRBY", "inventory:A", "1")
      var report = try await engine.wholeAudit()
      try await eventually("the audit has the time to count it all") {
        report = try await engine.wholeAudit()
        return report.unverified.isEmpty
      }
      #expect(report.violations.map(\.rule) == [.reservedEqualsActive])
    }

    private static func isCaughtInMotion(_ report: AuditService.Report) -> Bool {
      report.unverified.map(\.text) == ["A"]
    }

    /// Makes holds with different quantities, so that a hold counted twice cannot hide one that was missed.
    private func hold(_ count: Int, on engine: Engine) async -> [String] {
      await withTaskGroup(of: String.self) { tasks in
        for number in 0..<count {
          tasks.addTask { await engine.ask(.reserve("A", 1 + number % 7), age: Engine.patience).reservationID }
        }
        return await tasks.reduce(into: []) { $0.append($1) }
      }
    }

    @Test func `two audits at one node: the second is told to come again`() async throws {
      let redis = try await PrivateRedis()
      let engine = try await Engine(redis.url)
      _ = await engine.ask(Call(wish: .set("A", total: 1)))
      // All start in one turn of the loop, so that none can end before the next begins.
      let audits = try await engine.link.eventLoop.submit { [parts = engine.parts] in
        (0..<3).map { _ in
          parts.task { parts in
            Answer(await parts.audited(after: nil, arrival: .now())) { Answer(status: 200, body: $0.document.text) }
          }
        }
      }.get()
      let clean = Answer(status: 200, body: "{\"consistent\":true,\"skus\":1,\"violations\":[],\"unverified\":[]}")
      let overloaded = Answer.problem(.overloaded, retryAfter: 1)
      var answers: [Answer] = []
      for audit in audits { answers.append(await audit.value) }
      #expect(answers == [clean, overloaded, overloaded])
      #expect(await engine.ask(Call(wish: .audit)).isSuccess)
    }
  }
}

extension ByteBuffer {
  var text: String { String(buffer: self) }
}
