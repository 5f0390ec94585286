import Metrics
import NIOCore
import Store

/// The sweep in numbers.
struct SweepMetrics {
  static let help = [
    "holdfast_sweep_backlog_holds": "Holds past their deadline whose stock is not back yet, as far as was looked.",
    "holdfast_sweep_oldest_overdue_seconds": "How long the oldest of them has been overdue.",
    "holdfast_sweep_released_total": "Holds that this node's sweeps released.",
    "holdfast_sweep_batch_seconds": "Time that batches took which released something.",
    "holdfast_sweep_trimmed_total": "Lapsed sales that this node took out of the audit's index.",
    "holdfast_sweep_fenced_total": "Sweeps of this node that came after their term, and did nothing.",
  ]

  private let backlog = Gauge(label: "holdfast_sweep_backlog_holds")
  private let oldest = Gauge(label: "holdfast_sweep_oldest_overdue_seconds")
  private let released = Counter(label: "holdfast_sweep_released_total")
  private let batch = Timer(label: "holdfast_sweep_batch_seconds")
  private let trimmedSales = Counter(label: "holdfast_sweep_trimmed_total")
  private let fencedSweeps = Counter(label: "holdfast_sweep_fenced_total")

  func swept(_ holds: Int, in took: TimeAmount) {
    released.increment(by: holds)
    batch.recordNanoseconds(took.nanoseconds)
  }

  func trimmed(_ sales: Int) { trimmedSales.increment(by: sales) }

  func fenced() { fencedSweeps.increment() }

  func update(_ overdue: SweepRepository.Overdue) {
    backlog.record(overdue.holds)
    oldest.record(Double(overdue.oldest?.nanoseconds ?? 0) / 1e9)
  }
}
