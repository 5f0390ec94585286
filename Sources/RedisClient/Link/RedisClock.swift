import NIOCore

/// What a node knows of Redis's clock, which alone decides deadlines.
///
/// A reply that tells Redis's time was made before it arrived, so "that time, plus what has passed here since" never
/// runs ahead of Redis's clock: each sample is a lower bound, and the greatest of the recent ones is the closest.
/// A not-after instant made from it is therefore never too late, however slow a reply was. Samples are
/// forgotten after two windows, so that a clock set back, or drift, is followed.
package struct RedisClock {
  /// How long samples are kept before the older half is dropped.
  package static let window = TimeAmount.seconds(5)

  private var current: Int64?
  private var previous: Int64?
  private var windowEnds = NIODeadline.uptimeNanoseconds(0)

  package init() {}

  /// Takes a reply's time (epoch milliseconds) that arrived at `instant`.
  package mutating func observe(_ redisMilliseconds: Int64, at instant: NIODeadline) {
    if instant >= windowEnds {
      // After a pause even the last window's samples are too old.
      let hasPaused = instant >= windowEnds + Self.window
      previous = hasPaused ? nil : current
      current = nil
      windowEnds = (hasPaused ? instant : windowEnds) + Self.window
    }
    // One more for the part of a millisecond that rounding `instant` down has dropped.
    let offset = redisMilliseconds - instant.milliseconds - 1
    current = max(current ?? offset, offset)
  }

  /// Redis's time at `instant` in epoch milliseconds, never ahead of it; nil before the first sample.
  package func time(at instant: NIODeadline) -> Int64? {
    guard let offset = [current, previous].compactMap({ $0 }).max() else { return nil }
    return instant.milliseconds + offset
  }

  /// A new link may lead to another server: nothing known of the last one's clock holds.
  package mutating func forget() {
    current = nil
    previous = nil
  }
}

extension NIODeadline {
  /// Whole milliseconds, rounded down.
  fileprivate var milliseconds: Int64 { Int64(uptimeNanoseconds / 1_000_000) }
}
