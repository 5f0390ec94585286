import Common
import NIOCore
import Store

/// The list of all SKUs, read in steps that leave Redis to the shoppers in between.
///
/// Lives on the event loop of its repository, and so do the tasks that call it.
final class StockListing {
  private let stock: ShardedStock
  private let service: StockService

  /// SKUs read in one script call: well under a millisecond of Redis.
  private static let skusPerStep = 50
  /// A page goes on past what is no SKU for so long.
  private static let pageTime = TimeAmount.milliseconds(500)

  init(stock: ShardedStock, service: StockService) {
    self.stock = stock
    self.service = service
  }

  struct Page: Sendable {
    var items: [Inventory] = []
    /// SKUs whose keys are damaged: nothing can be told of them.
    var damaged: [SKU] = []
    /// Set if there is more. A page may hold less than was asked for, and still have a next one.
    var next: IndexPlace?

    fileprivate var count: Int { items.count + damaged.count }
  }

  func page(after cursor: IndexPlace?, limit: Int, arrival: NIODeadline) async throws(Problem) -> Page {
    stock.eventLoop.preconditionInEventLoop()
    var page = Page()
    var place = cursor?.member
    while true {
      let wanted = min(limit - page.count, Self.skusPerStep)
      assert(wanted > 0, "a full page has a next one")
      // One more than the page holds tells whether there is another.
      let found = try await rows(after: place, limit: wanted + 1, arrival)
      let rows = found.prefix(wanted)
      for row in rows { try await add(row, to: &page, arrival) }
      guard found.count > wanted, let last = rows.last else { return page }
      if page.count >= limit || stock.eventLoop.now - arrival > Self.pageTime {
        page.next = IndexPlace(after: last.member)
        return page
      }
      place = last.member
    }
  }

  private func rows(
    after place: [UInt8]?, limit: Int, _ arrival: NIODeadline
  ) async throws(Problem) -> [ShardedStock.Row] {
    do throws(StoreFailure) {
      return try await stock.list(after: place, limit: limit, deadline: arrival + Budget.read)
    } catch {
      throw .store(error, isWrite: false)
    }
  }

  private func add(_ row: ShardedStock.Row, to page: inout Page, _ arrival: NIODeadline) async throws(Problem) {
    switch row.content {
    case .stock(let stock, isDue: false): page.items.append(stock)
    case .stock(let stock, isDue: true):
      if let fresh = try await released(stock.sku, arrival) { page.items.append(fresh) }
    case .damaged(let damage): if let sku = damage.sku { page.damaged.append(sku) }
    case .foreign: break
    }
  }

  /// Reads a SKU with due holds again, which releases them. Nil if there is nothing to tell of it.
  private func released(_ sku: SKU, _ arrival: NIODeadline) async throws(Problem) -> Inventory? {
    do throws(Problem) {
      return try await outcome { service.read(sku, arrival: arrival, completion: $0) }
    } catch {
      switch error.kind {
      // Deleted in the meantime: it did not exist throughout.
      case .unknownSKU: return nil
      // Damaged in the meantime: left out of this page, told by the next.
      case .stockDamaged: return nil
      default: throw error
      }
    }
  }
}
