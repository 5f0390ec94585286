import NIOConcurrencyHelpers
import Store

/// Where the parts of a node leave what they know of themselves, and where `/health`, metrics and announcements read it.
///
/// Any thread may do either: what one part has left is seen by all at once.
final class NodeReports: Sendable {
  struct Contents: Sendable {
    /// What the watch over the store saw last; nil until it has looked.
    var store: StoreReport?
    var lease = LeaseReport()
    var sweep = SweepReport()
    /// How far behind the sweep is, whoever leads; nil while it can't be found out.
    var overdue: SweepRepository.Overdue?
    var damage = DamageReport()
    /// The link of stock administration has been up.
    var canAdminister = false

    /// What a node that has just started still waits for; nil once it has all that it needs to serve.
    var awaited: String? {
      guard store?.isChecked == true else { return "the store has not been checked yet" }
      return canAdminister ? nil : "no link for stock administration yet"
    }
  }

  private let contents = NIOLockedValueBox(Contents())

  var current: Contents { contents.withLockedValue { $0 } }

  func update<Report: Sendable>(_ part: WritableKeyPath<Contents, Report> & Sendable, _ report: Report) {
    contents.withLockedValue { $0[keyPath: part] = report }
  }
}
