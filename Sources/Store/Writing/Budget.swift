import NIOCore
import RedisClient

/// How the two seconds in which every complete request is answered are spent, counted from its arrival.
package enum Budget {
  package static let answer = TimeAmount.seconds(2)
  /// A write does nothing if Redis runs it later than this…
  package static let effect = TimeAmount.milliseconds(1400)
  /// …and its caller is told "outcome unknown" only after that.
  package static let reply = TimeAmount.milliseconds(1500)
  /// Bounds of the one further try by which a write in doubt is settled (``KeyedWriter``).
  static let lastEffect = TimeAmount.milliseconds(1750)
  static let lastReply = TimeAmount.milliseconds(1900)
  /// A read is given up after this.
  package static let read = TimeAmount.milliseconds(1500)
  /// Releasing due holds on the way of a request takes no longer than this.
  package static let release = TimeAmount.milliseconds(500)

  /// What rounding of clocks may add to an instant.
  static let margin = TimeAmount.milliseconds(5)

  /// Whether they come in the order that ``KeyedWriter`` relies on: nobody is told "unknown" while what was sent can still
  /// have an effect, the last try has time of its own, and all of it ends before the answer is due.
  static var isInOrder: Bool {
    // A call that shares a batch may be told a little later.
    let delay = ScriptBatcher.maxDelay
    let bounds = [
      release, effect + margin, reply, reply + delay, lastEffect + margin, lastReply, lastReply + delay, answer,
    ]
    return zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 } && read < answer
  }
}
