import Common
import FoundationEssentials
import Testing

@testable import Coordinator

@Suite struct HealthReportBoundsTests {
  @Test("a report in good order is taken as it is")
  func unchanged() {
    let report = HealthReport.sample().leading(epoch: 3).with(\.reasons, ["draining"])
    #expect(report.bounded == report)
  }

  @Test("no text or number of a hostile report is larger than what is kept, and sums over many stay finite")
  func bounded() throws {
    let long = String(repeating: "e\u{301}", count: 5000)
    var report = HealthReport.sample(id: long, bootID: long, version: long)
    report.reasons = Array(repeating: long, count: 1000)
    report.redis.warnings = report.reasons
    (report.lease.holder, report.lease.since) = (long, long)
    (report.sweeper.backlog, report.sweeper.oldestOverdueMs) = (.max, .min)
    (report.requests.ratePerSecond, report.requests.errorsPerSecond) = (.greatestFiniteMagnitude, -1)
    report.redis.roundTripMs = .greatestFiniteMagnitude
    let bounded = report.bounded
    #expect(try JSONEncoder().encode(bounded).count < 6000)
    #expect((bounded.sweeper.backlog ?? 0) < .max / 10_000 && bounded.sweeper.oldestOverdueMs == 0)
    #expect((bounded.requests.ratePerSecond * 1e6).isFinite && bounded.requests.errorsPerSecond == 0)
    #expect(bounded.nodeId != long && bounded.bootId != long)
  }

  @Test(
    "ready is who serves, or is degraded by nothing but a nearly full store",
    arguments: [
      (HealthReport.State.serving, [], 0, true), (.starting, ["starting"], 0, false),
      (.draining, ["draining"], 0, false),
      (.degraded, ["no link to Redis"], 0, false), (.degraded, ["nearly full"], 95_000, true),
      (.degraded, ["no link to Redis", "nearly full"], 95_000, false), (.degraded, [], 0, false),
    ] as [(HealthReport.State, [String], Int, Bool)])
  func ready(state: HealthReport.State, reasons: [String], used: Int, isReady: Bool) {
    let report = HealthReport.sample(state: state, reasons: reasons).with(\.redis.usedBytes, used)
    #expect(report.isReady == isReady)
  }

  @Test("a node whose Redis does not answer is told apart from one that starts or drains")
  func cannotReachRedis() {
    #expect(HealthReport.sample(state: .degraded, reasons: ["no link to Redis"]).cannotReachRedis)
    #expect(HealthReport.sample(state: .starting).with(\.redis.connected, false).cannotReachRedis)
    #expect(!HealthReport.sample(state: .starting).cannotReachRedis)
    #expect(!HealthReport.sample(state: .draining).with(\.redis.connected, false).cannotReachRedis)
    #expect(!HealthReport.sample(state: .degraded, reasons: ["full"]).with(\.redis.usedBytes, 95_000).cannotReachRedis)
    #expect(!HealthReport.sample().cannotReachRedis)
  }
}
