import Common
import NIOCore
import Store

/// The list of all SKUs, read in steps that leave Redis to the shoppers in between.
final class StockListing {
  private let stock: StockRepository
  private let service: StockService

  /// SKUs read in one script call: well under a millisecond of Redis.
  private static let skusPerStep = 50
  /// A page goes on past what is no SKU for so long.
  private static let pageTime = TimeAmount.milliseconds(500)

  init(stock: StockRepository, service: StockService) {
    self.stock = stock
    self.service = service
  }

  struct Page {
    var items: [Inventory] = []
    /// SKUs whose keys are damaged: nothing can be told of them.
    var damaged: [SKU] = []
    /// Set if there is more. A page may hold less than was asked for, and still have a next one.
    var next: IndexPlace?

    fileprivate var count: Int { items.count + damaged.count }

    /// - Parameter fresh: what has been read again of SKUs that were due.
    fileprivate mutating func append(_ row: StockRepository.Row, _ fresh: [SKU: Inventory]) {
      switch row.content {
      case .stock(let stock, isDue: false): items.append(stock)
      // Deleted in the meantime: it did not exist throughout.
      case .stock(let stock, isDue: true): fresh[stock.sku].map { items.append($0) }
      case .damaged(let damage): damage.sku.map { damaged.append($0) }
      case .foreign: break
      }
    }
  }

  func page(
    after cursor: IndexPlace?, limit: Int, arrival: NIODeadline, completion: @escaping (Result<Page, Problem>) -> Void
  ) {
    extend(Page(), after: cursor?.member, limit: limit, arrival, completion)
  }

  private func extend(
    _ page: Page, after cursor: [UInt8]?, limit: Int, _ arrival: NIODeadline,
    _ completion: @escaping (Result<Page, Problem>) -> Void
  ) {
    let wanted = min(limit - page.count, Self.skusPerStep)
    // One more than the page holds tells whether there is another.
    stock.list(after: cursor, limit: wanted + 1, deadline: arrival + Budget.read) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: false)))
      case .success(let all):
        let rows = all.prefix(wanted)
        refresh(rows.compactMap(\.dueSKU), [:], arrival) { [self] refreshed in
          var page = page
          switch refreshed {
          case .failure(let problem): return completion(.failure(problem))
          case .success(let fresh): for row in rows { page.append(row, fresh) }
          }
          guard all.count > wanted, let last = rows.last else { return completion(.success(page)) }
          if page.count >= limit || NIODeadline.now() - arrival > Self.pageTime {
            page.next = IndexPlace(after: last.member)
            completion(.success(page))
          } else {
            extend(page, after: last.member, limit: limit, arrival, completion)
          }
        }
      }
    }
  }

  /// Reads those SKUs again whose holds are due, which releases them.
  private func refresh(
    _ skus: [SKU], _ known: [SKU: Inventory], _ arrival: NIODeadline,
    _ completion: @escaping (Result<[SKU: Inventory], Problem>) -> Void
  ) {
    guard let sku = skus.last else { return completion(.success(known)) }
    service.read(sku, arrival: arrival) { [self] result in
      switch result {
      // Damaged in the meantime: left out of this page, told by the next.
      case .failure(let problem) where ![.unknownSKU, .stockDamaged].contains(problem.kind):
        completion(.failure(problem))
      case .failure: refresh(skus.dropLast(), known, arrival, completion)
      case .success(let inventory):
        refresh(skus.dropLast(), known.merging([sku: inventory]) { $1 }, arrival, completion)
      }
    }
  }
}

extension StockRepository.Row {
  fileprivate var dueSKU: SKU? {
    if case .stock(let stock, isDue: true) = content { stock.sku } else { nil }
  }
}
