import NIOCore

/// The idempotency records for which an earlier attempt may still take effect, and until when. Pure.
struct InDoubtKeys {
  private static let minBeforeSweep = 1024

  private var ends: [String: NIODeadline] = [:]
  private var countBeforeSweep = minBeforeSweep

  var count: Int { ends.count }

  /// When the doubt about this record ends; nil if there is none, or it is over at `instant`.
  func end(of record: String?, after instant: NIODeadline) -> NIODeadline? {
    record.flatMap { ends[$0] }.flatMap { $0 + Budget.margin > instant ? $0 : nil }
  }

  func contains(_ record: String?, at instant: NIODeadline) -> Bool { end(of: record, after: instant) != nil }

  /// An attempt may take effect until `end`. An earlier attempt that may do so for longer keeps its own.
  mutating func insert(_ record: String, until end: NIODeadline, at now: NIODeadline) {
    if ends.count >= countBeforeSweep {
      ends = ends.filter { $0.value + Budget.margin > now }
      // A lost link brings thousands at once; looking through all of them for each would stall the loop.
      countBeforeSweep = max(Self.minBeforeSweep, 2 * ends.count)
    }
    ends[record] = max(ends[record] ?? end, end)
  }
}
