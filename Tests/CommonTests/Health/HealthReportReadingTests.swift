import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Common

/// Compares our reader of health reports with Foundation's. Both accept the same documents and read the same values.
@Suite struct HealthReportReadingTests {
  @Test(arguments: UInt64(1)...5)
  func `the reader reads what nodes write`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let report = HealthReport.random(&random)
      #expect(Self.ours(Array(buffer: report.json)) == report)
    }
  }

  /// Each member in turn is missing or replaced.
  @Test func `the reader takes and refuses what Foundation does`() throws {
    var random = SeededRandom(1)
    let report = HealthReport.random(&random, isFull: true)
    let whole = try JSONSerialization.jsonObject(with: Data(Array(buffer: report.json)))
    var (taken, refused) = (0, 0)
    for variant in Self.variants(of: whole) {
      let bytes = Array(try JSONSerialization.data(withJSONObject: variant, options: .fragmentsAllowed))
      let completed = try JSONSerialization.data(withJSONObject: Self.completed(variant), options: .fragmentsAllowed)
      let (ours, theirs) = (Self.ours(bytes), Self.foundations(Array(completed)))
      #expect(ours == theirs, "\(String(decoding: bytes, as: UTF8.self))")
      if ours == nil { refused += 1 } else { taken += 1 }
    }
    // Optional members may be null or missing. Apart from that, only a number may replace a number.
    #expect(taken > 20 && refused > 200)
  }

  private static func ours(_ bytes: [UInt8]) -> HealthReport? {
    try? bytes.withUnsafeBytes { try HealthReport(JSONValue(parsing: $0)) }
  }

  private static func foundations(_ bytes: [UInt8]) -> HealthReport? {
    try? JSONDecoder().decode(HealthReport.self, from: Data(bytes))
  }

  /// The report with defaults for members that nodes of earlier versions do not send.
  private static func completed(_ value: Any) -> Any {
    guard var document = value as? [String: Any] else { return value }
    func isMissing(_ value: Any?) -> Bool { value == nil || value is NSNull }
    if isMissing(document["drained"]) { document["drained"] = false }
    if isMissing(document["store"]) { document["store"] = ["damaged": 0, "damage": [Any]()] }
    if var redis = document["redis"] as? [String: Any], isMissing(redis["faults"]) {
      redis["faults"] = [Any]()
      document["redis"] = redis
    }
    return document
  }

  private static var others: [Any] {
    [NSNull(), true, "x", 1, -1, 1.5, [Any](), ["x"], [1], [String: Any]()]
  }

  /// The document with one member, at any depth, missing or replaced.
  private static func variants(of value: Any) -> [Any] {
    guard let members = value as? [String: Any] else { return others }
    var variants = others
    for (name, member) in members {
      var lacking = members
      lacking[name] = nil
      variants.append(lacking)
      for other in Self.variants(of: member) { variants.append(members.merging([name: other]) { $1 }) }
    }
    return variants
  }
}

extension HealthReport {
  /// - Parameter isFull: whether no member is null.
  fileprivate static func random(_ random: inout SeededRandom, isFull: Bool = false) -> HealthReport {
    func maybe<Value>(_ value: Value) -> Value? { isFull || !random.oneIn(3) ? value : nil }
    func count() -> Int { random.number(0...1_000_000) }
    func measure() -> Double { Double(count()) / 997 }
    func words() -> [String] { (0..<random.number(isFull ? 1...3 : 0...3)).map { "é \"\\ \n \($0)" } }
    return HealthReport(
      nodeId: "node-\(count())", bootId: String(count(), radix: 16), version: "0.1.0", uptimeSeconds: Int64(count()),
      state: random.pick(State.allCases), reasons: words(), drained: random.oneIn(2),
      redis: Redis(
        connected: random.oneIn(2), version: maybe("7.0.15"), roundTripMs: maybe(measure()), pending: count(),
        reconnects: count(), usedBytes: count(), limitBytes: count(), faults: words(), warnings: words(),
        clockOffsetMs: maybe(-count())),
      store: Store(
        identity: maybe("9c1f"), mark: maybe(Int64(count())), markedBy: maybe("b0"),
        acknowledged: maybe(Int64(count())),
        loss: maybe(
          Store.Loss(
            seenIdentity: maybe("9c1f"), seenMark: maybe(Int64(count())), foundIdentity: maybe("ab"),
            foundMark: maybe(Int64(count())), since: "2026-11-22T08:45:00.123Z")),
        damaged: count(), damage: words()),
      lease: Lease(
        leader: random.oneIn(2), epoch: maybe(Int64(count())), holder: maybe("node-1"),
        since: maybe("2026-11-22T08:45:00.123Z"), remainingMs: maybe(-count()), termsWon: count(), termsLost: count(),
        renewMs: maybe(measure())),
      sweeper: Sweeper(
        backlog: maybe(count()), oldestOverdueMs: maybe(count()),
        lastBatch: maybe(Sweeper.Batch(agoMs: count(), holds: count(), tookMs: measure())), releasedTotal: count(),
        trimmedTotal: count(), fencedAttempts: count()),
      requests: Requests(
        inFlight: count(), ratePerSecond: measure(), errorsPerSecond: Double(count()), total: count(), errors: count()))
  }
}
