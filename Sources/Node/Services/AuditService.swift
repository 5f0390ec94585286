import Common
import NIOCore
import Store

/// Re-derives the counters of SKUs from the reservations themselves, a slice of the SKUs per call, without stopping
/// traffic. Audits have a link of their own, and go one at a time (``ShardedAudit``).
///
/// Lives on the event loop of that link, and so do the tasks that call it.
final class AuditService {
  private static let skusPerStep = 50
  /// A call goes on to further SKUs for so long…
  private static let sliceTime = TimeAmount.milliseconds(500)
  /// …and gives a SKU up after so long.
  private static let skuTime = TimeAmount.milliseconds(900)
  /// How often a SKU that changes under the count is counted anew.
  private static let maxTries = 3

  private let stock: ShardedStock
  private let audit: ShardedAudit
  private var isBusy = false

  /// - Parameters:
  ///   - stock: lists the SKUs.
  ///   - audit: the repository on the same link, which nothing else may use.
  init(stock: ShardedStock, audit: ShardedAudit) {
    precondition(Self.sliceTime < Self.skuTime, "the last SKU of a slice must have time of its own")
    precondition(Self.skuTime + ShardedAudit.patience * 2 < Budget.answer, "the answer must come in time")
    self.stock = stock
    self.audit = audit
  }

  /// Where an audit goes on: first it goes through the SKUs that are listed, then through all keys for others.
  enum Cursor: Equatable, Sendable, CustomStringConvertible {
    case after(IndexPlace)
    case keys(UInt64)

    /// Nil for a text that is no cursor's.
    init?(_ text: String) {
      if let place = IndexPlace(text) {
        self = .after(place)
      } else if text.hasPrefix(":"), let position = UInt64(text.dropFirst()) {
        self = .keys(position)
      } else {
        return nil
      }
    }

    var description: String {
      switch self {
      case .after(let place): place.description
      // No place begins with a colon.
      case .keys(let position): ":\(position)"
      }
    }
  }

  func slice(after cursor: Cursor?, arrival: NIODeadline) async throws(Problem) -> Report {
    stock.eventLoop.preconditionInEventLoop()
    guard !isBusy else { throw Problem(.overloaded, "An audit is under way at this node.", retryAfter: 1) }
    isBusy = true
    defer { isBusy = false }
    var report = Report()
    do throws(StoreFailure) {
      switch cursor {
      case nil: try await goThroughList(after: nil, arrival, &report)
      case .after(let place): try await goThroughList(after: place.member, arrival, &report)
      case .keys(let position): try await goThroughKeys(from: position, arrival, &report)
      }
    } catch {
      throw .store(error, isWrite: false)
    }
    return report
  }

  /// Audits the SKUs that are listed behind `start`, then looks for others. Out of time, the report says where to go on.
  private func goThroughList(
    after start: [UInt8]?, _ arrival: NIODeadline, _ report: inout Report
  ) async throws(StoreFailure) {
    var place = start
    while true {
      let rows = try await stock.list(after: place, limit: Self.skusPerStep, deadline: arrival + Budget.read)
      report.note(rows)
      let skus = rows.compactMap(\.sku)
      for sku in skus {
        try await count(sku, arrival, &report)
        if isOver(arrival), sku != skus.last {
          report.next = .after(IndexPlace(after: sku))
          return
        }
      }
      guard let last = rows.last, rows.count == Self.skusPerStep else {
        return try await goThroughKeys(from: 0, arrival, &report)
      }
      if isOver(arrival) {
        report.next = .after(IndexPlace(after: last.member))
        return
      }
      place = last.member
    }
  }

  /// Goes through keys for SKUs that no list shows.
  private func goThroughKeys(
    from start: UInt64, _ arrival: NIODeadline, _ report: inout Report
  ) async throws(StoreFailure) {
    var position = start
    repeat {
      let step = try await audit.findUnlisted(from: position, deadline: arrival + Budget.read)
      report.note(step)
      position = step.next
      if isOver(arrival), position != 0 {
        report.next = .keys(position)
        return
      }
    } while position != 0
  }

  private func count(_ sku: SKU, _ arrival: NIODeadline, _ report: inout Report) async throws(StoreFailure) {
    for _ in 0..<Self.maxTries {
      switch try await audit.count(sku, until: arrival + Self.skuTime) {
      case .counted(let count): return report.note(count, of: sku)
      case .gone: return
      // Out of time, no further try asks for anything.
      case .changed, .outOfTime: continue
      }
    }
    report.skus += 1
    report.unverified.append(sku)
  }

  /// Whether a call that arrived then goes on to nothing further.
  private func isOver(_ arrival: NIODeadline) -> Bool { stock.eventLoop.now - arrival > Self.sliceTime }
}

extension ShardedStock.Row {
  fileprivate var sku: SKU? {
    switch content {
    case .stock(let stock, _): stock.sku
    case .damaged(let damage): damage.sku
    case .foreign: nil
    }
  }
}
