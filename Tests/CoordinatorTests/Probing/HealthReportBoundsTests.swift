import Common
import Foundation
import Testing

@testable import Coordinator

@Suite struct HealthReportBoundsTests {
  @Test func `a report in good order is taken as it is`() {
    let report = HealthReport.sample().leading(epoch: 3).with(\.reasons, ["draining"])
    #expect(report.bounded == report)
  }

  @Test func `no text or number of a hostile report is larger than what is kept; sums stay finite`() throws {
    let long = String(repeating: "e\u{301}", count: 5000)
    var report = HealthReport.sample(id: long, bootID: long, version: long)
    report.reasons = Array(repeating: long, count: 1000)
    (report.redis.warnings, report.redis.faults, report.store.damage) = (report.reasons, report.reasons, report.reasons)
    (report.redis.version, report.store.identity) = (long, long)
    (report.store.markedBy, report.store.acknowledged) = (long, .max)
    (report.store.mark, report.store.damaged, report.redis.clockOffsetMs) = (.min, .max, .max)
    report.store.loss = .init(
      seenIdentity: long, seenMark: .max, foundIdentity: long, foundMark: .min, since: long)
    (report.lease.holder, report.lease.since) = (long, long)
    (report.sweeper.backlog, report.sweeper.oldestOverdueMs) = (.max, .min)
    (report.requests.ratePerSecond, report.requests.errorsPerSecond) = (.greatestFiniteMagnitude, -1)
    report.redis.roundTripMs = .greatestFiniteMagnitude
    (report.redis.usedBytes, report.redis.limitBytes, report.redis.pending) = (.max, 1, .max)
    (report.redis.reconnects, report.uptimeSeconds, report.lease.remainingMs) = (.min, .max, .min)
    (report.lease.termsWon, report.lease.termsLost, report.lease.renewMs) = (.max, .max, -1)
    report.sweeper.lastBatch = .init(agoMs: .min, holds: .max, tookMs: .greatestFiniteMagnitude)
    (report.sweeper.releasedTotal, report.sweeper.trimmedTotal, report.sweeper.fencedAttempts) = (.max, .max, .max)
    (report.requests.inFlight, report.requests.total, report.requests.errors) = (.max, .max, .min)
    let bounded = report.bounded
    let json = try JSONEncoder().encode(bounded)
    #expect(json.count < 12_000)
    let numbers = Self.numbers(try JSONSerialization.jsonObject(with: json))
    #expect(numbers.count > 20 && numbers.allSatisfy { (0...1e14).contains($0) })
    #expect((bounded.sweeper.backlog ?? 0) < .max / 10_000 && bounded.sweeper.oldestOverdueMs == 0)
    #expect((bounded.requests.ratePerSecond * 1e6).isFinite && bounded.requests.errorsPerSecond == 0)
    #expect(bounded.nodeId != long && bounded.bootId != long)
  }

  private static func numbers(_ json: Any) -> [Double] {
    switch json {
    case let number as NSNumber: [number.doubleValue]
    case let object as [String: Any]: object.values.flatMap(numbers)
    case let array as [Any]: array.flatMap(numbers)
    default: []
    }
  }

  @Test(
    arguments: [
      (HealthReport.State.serving, [], 0, true), (.starting, ["starting"], 0, false),
      (.draining, ["draining"], 0, false),
      (.degraded, ["no link to Redis"], 0, false), (.degraded, ["nearly full"], 95_000, true),
      (.degraded, ["no link to Redis", "nearly full"], 95_000, false), (.degraded, [], 0, false),
    ] as [(HealthReport.State, [String], Int, Bool)])
  func `ready is who serves, or is degraded by nothing but a nearly full store`(
    state: HealthReport.State, reasons: [String], used: Int, isReady: Bool
  ) {
    let report = HealthReport.sample(state: state, reasons: reasons).with(\.redis.usedBytes, used)
    #expect(report.isReady == isReady)
  }

  @Test func `a node whose Redis does not answer is told apart from one that starts or drains`() {
    #expect(HealthReport.sample(state: .degraded, reasons: ["no link to Redis"]).cannotReachRedis)
    #expect(HealthReport.sample(state: .starting).with(\.redis.connected, false).cannotReachRedis)
    #expect(!HealthReport.sample(state: .starting).cannotReachRedis)
    #expect(!HealthReport.sample(state: .draining).with(\.redis.connected, false).cannotReachRedis)
    #expect(!HealthReport.sample(state: .degraded, reasons: ["full"]).with(\.redis.usedBytes, 95_000).cannotReachRedis)
    #expect(!HealthReport.sample().cannotReachRedis)
  }
}
