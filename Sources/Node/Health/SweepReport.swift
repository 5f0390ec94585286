import NIOCore

/// What a node's own sweeps have done.
struct SweepReport: Equatable, Sendable {
  struct Batch: Equatable, Sendable {
    var at: NIODeadline
    var holds: Int
    var took: TimeAmount
  }

  /// The last batch that released anything.
  var lastBatch: Batch?
  /// Holds that this node has released since it started.
  var releasedTotal = 0
  /// Lapsed sales that this node has taken out of the audit's index.
  var trimmedTotal = 0
  /// Sweeps that came after their term.
  var fencedAttempts = 0

  mutating func add(_ batch: Batch) {
    releasedTotal += batch.holds
    lastBatch = batch
  }
}
