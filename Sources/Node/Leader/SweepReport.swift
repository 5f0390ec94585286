import NIOCore
import Store

/// What a node knows of the sweep: what it did itself, and how far behind the sweep is, whoever leads.
struct SweepReport: Equatable, Sendable {
  struct Batch: Equatable, Sendable {
    var at: NIODeadline
    var holds: Int
    var took: TimeAmount
  }

  /// Nil while it can't be found out.
  var overdue: SweepRepository.Overdue?
  /// The last batch that released anything.
  var lastBatch: Batch?
  /// Holds that this node has released since it started.
  var releasedTotal = 0
  /// Lapsed sales that this node has taken out of the audit's index.
  var trimmedTotal = 0
  /// Sweeps that came after their term.
  var fencedAttempts = 0
}
