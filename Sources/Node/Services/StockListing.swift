import Common
import NIOCore

/// The list of all SKUs, read in steps that leave Redis to the shoppers in between.
final class StockListing {
  private let stock: StockRepository
  private let service: StockService

  /// SKUs read in one script call: well under a millisecond of Redis.
  private static let skusPerStep = 50

  init(stock: StockRepository, service: StockService) {
    self.stock = stock
    self.service = service
  }

  struct Page {
    var items: [Inventory] = []
    /// Set if there is more: go on after this SKU.
    var next: SKU?
  }

  func page(
    after cursor: SKU?, limit: Int, arrival: NIODeadline, completion: @escaping (Result<Page, Problem>) -> Void
  ) {
    extend(Page(), after: cursor, limit: limit, arrival, completion)
  }

  private func extend(
    _ page: Page, after cursor: SKU?, limit: Int, _ arrival: NIODeadline,
    _ completion: @escaping (Result<Page, Problem>) -> Void
  ) {
    let wanted = min(limit - page.items.count, Self.skusPerStep)
    // One more than the page holds tells whether there is another.
    stock.list(after: cursor, limit: wanted + 1, deadline: arrival + Budget.read) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: false)))
      case .success(let rows):
        let due = rows.prefix(wanted).filter(\.isDue).map(\.inventory.sku)
        refresh(due, Dictionary(minimumCapacity: due.count), arrival) { [self] refreshed in
          var page = page
          switch refreshed {
          case .failure(let problem): return completion(.failure(problem))
          case .success(let fresh):
            for row in rows.prefix(wanted) {
              // Deleted in the meantime: it did not exist throughout.
              guard let inventory = row.isDue ? fresh[row.inventory.sku] : row.inventory else { continue }
              page.items.append(inventory)
            }
          }
          guard rows.count > wanted, let last = rows.prefix(wanted).last?.inventory.sku else {
            return completion(.success(page))
          }
          if page.items.count >= limit {
            page.next = last
            completion(.success(page))
          } else {
            extend(page, after: last, limit: limit, arrival, completion)
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
      case .failure(let problem) where problem.kind != .unknownSKU: completion(.failure(problem))
      case .failure: refresh(skus.dropLast(), known, arrival, completion)
      case .success(let inventory):
        refresh(skus.dropLast(), known.merging([sku: inventory]) { $1 }, arrival, completion)
      }
    }
  }
}
