import NIOCore

/// What a node knows about Redis's clock. Only that clock decides deadlines.
///
/// Redis read its clock before the reply arrived. So that time plus the time passed here since then never runs ahead
/// of Redis's clock. Each sample is a lower bound, and the greatest recent one is the closest. A not-after instant
/// made from it is never too late, however slow a reply was. Samples are forgotten after two windows, so that the
/// estimate follows drift and a clock that was set back.
package struct RedisClock {
  /// The time after which the older half of the samples is dropped.
  package static let window = TimeAmount.seconds(5)

  private var current: Int64?
  private var previous: Int64?
  private var windowEnds = NIODeadline.uptimeNanoseconds(0)

  package init() {}

  /// Takes Redis's time (epoch milliseconds) from a reply that arrived at `instant`.
  package mutating func observe(_ redisMilliseconds: Int64, at instant: NIODeadline) {
    if instant >= windowEnds {
      // After a pause even the last window's samples are too old.
      let hasPaused = instant >= windowEnds + Self.window
      previous = hasPaused ? nil : current
      current = nil
      windowEnds = (hasPaused ? instant : windowEnds) + Self.window
    }
    // Minus one for the part of a millisecond that rounding `instant` down has dropped.
    let offset = redisMilliseconds - instant.milliseconds - 1
    current = max(current ?? offset, offset)
  }

  /// Redis's time at `instant` in epoch milliseconds, never ahead of it; nil before the first sample.
  package func time(at instant: NIODeadline) -> Int64? {
    guard let offset = [current, previous].compactMap({ $0 }).max() else { return nil }
    return instant.milliseconds + offset
  }

  /// Forgets all samples, because a new connection may lead to another server with another clock.
  package mutating func forget() {
    current = nil
    previous = nil
  }
}

extension NIODeadline {
  /// Whole milliseconds, rounded down.
  fileprivate var milliseconds: Int64 { Int64(uptimeNanoseconds / 1_000_000) }
}
