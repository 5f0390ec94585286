import Common

@testable import Coordinator

extension HealthReport {
  /// The report of a healthy node.
  static func sample(
    id: String = "n1", bootID: String = "b1", version: String = "0.1.0", state: State = .serving, reasons: [String] = []
  ) -> HealthReport {
    HealthReport(
      nodeId: id, bootId: bootID, version: version, uptimeSeconds: 60, state: state, reasons: reasons,
      redis: Redis(
        connected: true, version: "7.0.15", roundTripMs: 0.2, pending: 0, reconnects: 0, usedBytes: 1000,
        limitBytes: 100_000, warnings: [], clockOffsetMs: 1),
      store: Store(identity: "9c1f", mark: 1_800_000_000_000, markedBy: bootID, acknowledged: 0),
      lease: Lease(
        leader: false, epoch: 7, holder: "n1", since: "2026-11-22T08:45:00.123Z", remainingMs: 2500, termsWon: 0,
        termsLost: 0, renewMs: nil),
      sweeper: Sweeper(
        backlog: 0, oldestOverdueMs: nil, lastBatch: nil, releasedTotal: 0, trimmedTotal: 0, fencedAttempts: 0),
      requests: Requests(inFlight: 0, ratePerSecond: 10, errorsPerSecond: 0, total: 100, errors: 0))
  }

  func with<Value>(_ member: WritableKeyPath<HealthReport, Value>, _ value: Value) -> HealthReport {
    var changed = self
    changed[keyPath: member] = value
    return changed
  }

  func leading(epoch: Int64) -> HealthReport {
    with(\.lease.leader, true).with(\.lease.epoch, epoch).with(\.lease.holder, nodeId)
  }
}

extension Announcement {
  static func sample(
    id: String = "n1", bootID: String = "b1", url: String = "http://10.0.0.1:8080", state: String = "serving"
  ) -> Announcement {
    Announcement(id: id, bootId: bootID, url: url, version: "0.1.0", state: state)
  }
}

extension Moment {
  static let start = Moment(instant: .now, epochMilliseconds: 1_800_000_000_000)

  static func + (moment: Moment, duration: Duration) -> Moment {
    Moment(
      instant: moment.instant + duration,
      epochMilliseconds: moment.epochMilliseconds + Int64(duration / .milliseconds(1)))
  }

  /// The moment that is `duration` after ``start``.
  static func at(_ duration: Duration) -> Moment { start + duration }
}

extension FailureDetectorTiming {
  /// Timing without jitter.
  static var even: FailureDetectorTiming {
    var timing = FailureDetectorTiming()
    timing.jitter = 0
    return timing
  }
}
