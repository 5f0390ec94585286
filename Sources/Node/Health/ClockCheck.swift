import Common
import NIOCore

/// Compares Redis's clock, by which all deadlines go, with the node's, and with itself.
struct ClockCheck {
  /// Further back within one look, Redis's clock has been set, and did not merely drift.
  static let minStepMilliseconds: Int64 = 1000
  /// A step is told for so long, for people to see it.
  static let stepShown = TimeAmount.minutes(10)

  /// Redis's clock minus the node's, in milliseconds, give or take the time that the reply was under way.
  private(set) var offset: Int64?
  private var step: (back: Int64, at: NIODeadline)?
  /// How far Redis's clock is ahead of the one that is never set: the least that the last reply allows.
  private var lead: Int64?

  /// A reply has told Redis's time. `wall` is the node's clock when it arrived, all in epoch milliseconds.
  mutating func observe(_ redis: Int64, wall: Int64, sent: NIODeadline, arrived: NIODeadline) {
    assert(sent <= arrived, "a reply comes after its question")
    let underWay = (arrived - sent).nanoseconds / 1_000_000
    offset = redis - (wall - underWay / 2)
    // The reply was made between the two. So how far Redis's clock leads is known to within the time between.
    let (least, most) = (redis - arrived.milliseconds, redis - sent.milliseconds)
    if let lead, lead - most >= Self.minStepMilliseconds { step = (lead - most, arrived) }
    lead = least
  }

  func findings(at now: NIODeadline) -> [StoreFinding] {
    var findings: [StoreFinding] = []
    if let offset, abs(offset) > HealthReport.Redis.maxClockOffsetMs {
      findings.append(
        StoreFinding(
          subject: "clock", meaning: .warning,
          words: "Redis's clock is \(Self.seconds(abs(offset))) s \(offset > 0 ? "ahead of" : "behind") this node's:"
            + " deadlines go by Redis's"))
    }
    if let step, now - step.at < Self.stepShown {
      findings.append(
        StoreFinding(
          subject: "clock step", meaning: .warning,
          words: "Redis's clock was set back by \(Self.seconds(step.back)) s: holds live so much longer than they were"
            + " to"))
    }
    return findings
  }

  private static func seconds(_ milliseconds: Int64) -> String {
    "\(milliseconds / 1000).\(milliseconds % 1000 / 100)"
  }
}

extension NIODeadline {
  fileprivate var milliseconds: Int64 { Int64(uptimeNanoseconds / 1_000_000) }
}
