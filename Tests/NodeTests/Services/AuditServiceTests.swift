import Common
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Node
@testable import Store

/// The audit's policy with scripted replies: how far a call goes, and how it reports what it finds.
@Suite struct AuditServiceTests {
  private typealias Violation = AuditService.Violation

  private final class Store {
    let link = ScriptedLink()
    let audit: AuditService
    private let scripts = ScriptLibrary(tuning: .init())
    var skus: [String]
    /// The counts of SKUs that differ from the count of a sound SKU.
    var counts: [String: String] = [:]
    /// The reply to each step of the search.
    var search: [String: String] = ["0": "OK 500 0 0 0"]
    /// How long each reply takes.
    var roundTrip = TimeAmount.zero
    /// The answer to an `EXEC`.
    var exec = RedisReply.array([])
    /// The SKUs that scripts were asked to count.
    var counted: [String] = []
    var failure: RedisFailure?

    init(skus: [String]) {
      self.skus = skus
      let session = ShardedStore(scripts: scripts, link: link)
      audit = AuditService(stock: session.stock, audit: session.audit)
      link.onSend = { [unowned self] command in
        link.at(link.loop.now + roundTrip) { [self] in play(command) }
      }
    }

    private func play(_ command: ScriptedLink.Command) {
      let arguments = command.arguments
      if let failure { return command.answer(.failure(failure)) }
      guard arguments[0] == "EVALSHA" else {
        return command.answer(.success(arguments[0] == "EXEC" ? exec : .status("OK")))
      }
      switch arguments[1] {
      case scripts.listStock.script.sha:
        let rows = skus.filter { $0 > arguments[4] }.prefix(Int(arguments[5]) ?? 0)
        command.line("OK 500" + rows.map { SKU($0) == nil ? " =\(hexadecimal($0)) ! skus" : " \($0) 1 1 0 -" }.joined())
      case scripts.auditStock.script.sha:
        counted.append(arguments[4])
        command.line(counts[arguments[4]] ?? "OK 500 1 1 0 0 0 0 0 0 0 0 0 0")
      case scripts.findUnlisted.script.sha: command.line(search[arguments[4]] ?? "")
      default: Issue.record("unexpected: \(arguments)")
      }
    }

    private func hexadecimal(_ name: String) -> String { name.utf8.map { String($0, radix: 16) }.joined() }

    /// Starts a slice. The test can look at the state before the slice ends.
    func begin(after cursor: AuditService.Cursor? = nil) -> NIOLoopBoundBox<Result<AuditService.Report, Problem>?> {
      let arrival = link.loop.now
      return link.begin(audit) { audit throws(Problem) in try await audit.slice(after: cursor, arrival: arrival) }
    }

    func slice(after cursor: AuditService.Cursor? = nil) throws -> AuditService.Report {
      let told = begin(after: cursor)
      link.pass(10_000)
      return try #require(told.value).get()
    }
  }

  private static func sku(_ text: String) -> SKU { SKU(stored: text.utf8) }
  private static let names = (100..<225).map { "sku-\($0)" }
  /// The reply for a SKU that is counted in steps.
  private static let large = "OK 500 1 1 0 600 0 0 0 0 0 0 0 0"

  @Test func `where there is time, one call audits every SKU once and goes through all keys`() throws {
    let store = Store(skus: Self.names)
    store.search = ["0": "OK 500 8 0 0", "8": "OK 500 0 0 0"]
    let report = try store.slice()
    #expect(report.skus == 125 && report.violations == [] && report.unverified == [] && report.next == nil)
    #expect(store.counted == Self.names)
  }

  @Test func `a call goes on for half a second; its cursor leaves no SKU out, and audits none twice`() throws {
    let store = Store(skus: Self.names)
    store.search = ["0": "OK 500 8 0 0", "8": "OK 500 9 0 0", "9": "OK 500 0 0 0"]
    store.roundTrip = .milliseconds(20)
    var (skus, cursors): (Int, [String]) = (0, [])
    var cursor: AuditService.Cursor?
    repeat {
      let begin = store.link.loop.now
      let told = store.begin(after: cursor)
      while told.value == nil { store.link.pass(1) }
      let report = try #require(told.value).get()
      #expect(store.link.loop.now - begin <= .milliseconds(520 + 20))
      skus += report.skus
      cursor = report.next
      cursors += cursor.map { [$0.description] } ?? []
    } while cursor != nil && cursors.count < 20
    #expect(skus == 125 && store.counted == Self.names)
    // One step of the list, then 25 counts. The last counts end the list, and the search always takes one step.
    #expect(cursors == ["sku-124", "sku-149", "sku-174", "sku-199", ":8"])
  }

  @Test func `out of time, the search tells where to go on too`() throws {
    let store = Store(skus: [])
    store.search = ["7": "OK 500 8 0 0", "8": "OK 500 9 0 0", "9": "OK 500 0 0 0"]
    store.roundTrip = .milliseconds(251)
    #expect(try store.slice(after: .keys(7)).next == .keys(9))
    #expect(try store.slice(after: .keys(9)).next == nil)
  }

  @Test func `a SKU that changes under the count is counted three times, then told as unverified`() throws {
    let store = Store(skus: ["a", "b"])
    store.counts["a"] = Self.large
    store.exec = .null
    let report = try store.slice()
    #expect(report.skus == 2 && report.unverified == [Self.sku("a")] && report.violations == [])
    #expect(store.link.sent.count { $0.arguments[0] == "EXEC" } == 3)
  }

  @Test func `a SKU is given up 0.9 s after the request's arrival, and told as unverified`() throws {
    let store = Store(skus: ["a", "b"])
    store.counts["a"] = "OK 500 1 1 0 1000000 0 0 0 0 0 0 0 0"
    store.roundTrip = .milliseconds(10)
    let told = store.begin()
    store.link.pass(899)
    #expect(told.value == nil)
    store.link.pass(10 + 10)
    let report = try #require(told.value).get()
    #expect(report.skus == 1 && report.unverified == [Self.sku("a")] && report.next?.description == "a")
  }

  @Test func `a SKU that is deleted meanwhile does not count`() throws {
    let store = Store(skus: ["a", "b"])
    store.counts["a"] = "GONE 500"
    let report = try store.slice()
    #expect(report.skus == 1 && report.unverified == [] && report.violations == [])
  }

  @Test func `damage is told by SKU and rule; what all share, under no SKU`() throws {
    let store = Store(skus: ["!", "!!", "a", "b"])
    store.counts["b"] = "OK 500 5 7 0 1 0 3 0 0 1 2 4 5"
    store.search = ["0": "OK 500 8 1 2 c", "8": "OK 500 0 0 0 c d"]
    let expected: [(String?, Violation.Rule, Int, Int)] = [
      (nil, .indexReadable, 0, 2), ("b", .reservedEqualsActive, 3, 2), ("b", .keysReadable, 0, 1),
      ("b", .recordsReadable, 0, 2), ("b", .deadlinesIndexed, 0, 4), ("b", .noExpiry, 0, 5),
      (nil, .keysReadable, 0, 1), (nil, .noExpiry, 0, 2), ("c", .listed, 1, 0), ("d", .listed, 1, 0),
    ]
    #expect(
      try store.slice().violations
        == expected.map { Violation(sku: $0.0.map(Self.sku), rule: $0.1, expected: $0.2, found: $0.3) })
  }

  @Test func `one audit at a time: a second one is told to come again until the first has ended somehow`() throws {
    let store = Store(skus: ["a"])
    store.roundTrip = .milliseconds(1)
    for failure in [nil, RedisFailure.notSent(.offline)] {
      store.failure = failure
      let first = store.begin()
      let problem = #expect(throws: Problem.self) { try #require(store.begin().value).get() }
      #expect(problem?.kind == .overloaded && problem?.retryAfter == 1)
      #expect(first.value == nil)
      store.link.pass(100)
      #expect(first.value != nil)
    }
    store.failure = nil
    #expect(try store.slice().skus == 1)
  }

  @Test(arguments: [nil, AuditService.Cursor.keys(7)])
  func `a failure of the store ends the audit`(cursor: AuditService.Cursor?) {
    let store = Store(skus: ["a"])
    store.failure = .notSent(.offline)
    let problem = #expect(throws: Problem.self) { try store.slice(after: cursor) }
    #expect(problem?.kind == .storeUnavailable)
  }
}
