import Common
import NIOCore
import Store

/// The stock of single SKUs: policy between what HTTP asks and what the store does.
final class StockService {
  typealias Completion<Value> = (Result<Value, Problem>) -> Void

  private let stock: ShardedStock
  private let releaser: HoldReleaser

  init(stock: ShardedStock, releaser: HoldReleaser) {
    self.stock = stock
    self.releaser = releaser
  }

  /// A changed stock, and whether the SKU was made by it.
  struct Changed {
    var inventory: Inventory
    var isNew: Bool
  }

  func read(_ sku: SKU, arrival: NIODeadline, completion: @escaping Completion<Inventory>) {
    stock.read(sku, deadline: arrival + Budget.read) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: false)))
      case .success(.stock(let inventory)): completion(.success(inventory))
      case .success(.gone): completion(.failure(.unknownSKUs([sku])))
      case .success(.due(let skus)):
        afterRelease(of: skus, arrival, completion) { [self] in read(sku, arrival: arrival, completion: completion) }
      }
    }
  }

  func set(_ sku: SKU, total: Int, _ context: CallContext, completion: @escaping Completion<Told<Changed>>) {
    change(sku, .set(total: total), context.write(.setStock, canonical: "\(sku.text)\n\(total)"), completion)
  }

  func adjust(
    _ sku: SKU, delta: Int, reason: String?, _ context: CallContext, completion: @escaping Completion<Told<Changed>>
  ) {
    // The reason comes last and may hold anything; its absence differs from every text.
    let canonical = "\(sku.text)\n\(delta)" + (reason.map { "\n\($0)" } ?? "")
    change(sku, .adjust(delta: delta, reason: reason), context.write(.adjustStock, canonical: canonical), completion)
  }

  private func change(
    _ sku: SKU, _ change: ShardedStock.Change, _ write: Write,
    _ completion: @escaping Completion<Told<Changed>>
  ) {
    stock.change(sku, change, write: write) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: true)))
      case .success(.done(let inventory, let isNew, let isReplay)):
        completion(.success(Told(value: Changed(inventory: inventory, isNew: isNew), isReplay: isReplay)))
      case .success(.keyReused): completion(.failure(.keyReused))
      case .success(.gone): completion(.failure(.unknownSKUs([sku])))
      case .success(.inUse(let reserved, let sold)): completion(.failure(.stockInUse(reserved: reserved, sold: sold)))
      case .success(.limit(let total)):
        completion(
          .failure(
            Problem(.stockLimitExceeded, "A SKU may have \(Limits.maxStockTotal) pieces at most; it has \(total).") {
              body in
              body.writeStaticString(",\"total\":")
              body.writeDecimal(total)
            }))
      case .success(.due(let skus)):
        afterRelease(of: skus, write.arrival, completion) { [self] in self.change(sku, change, write, completion) }
      }
    }
  }

  func delete(_ sku: SKU, _ context: CallContext, completion: @escaping Completion<Told<Void>>) {
    delete(sku, context.write(.deleteStock, canonical: sku.text), completion)
  }

  private func delete(_ sku: SKU, _ write: Write, _ completion: @escaping Completion<Told<Void>>) {
    stock.delete(sku, write: write) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(.store(failure, isWrite: true)))
      case .success(.done(let isReplay)): completion(.success(Told(value: (), isReplay: isReplay)))
      case .success(.keyReused): completion(.failure(.keyReused))
      case .success(.gone): completion(.failure(.unknownSKUs([sku])))
      case .success(.inUse(let reserved, let sold)): completion(.failure(.stockInUse(reserved: reserved, sold: sold)))
      case .success(.due(let skus)):
        afterRelease(of: skus, write.arrival, completion) { [self] in delete(sku, write, completion) }
      }
    }
  }

  private func afterRelease<Value>(
    of skus: [SKU], _ arrival: NIODeadline, _ completion: @escaping Completion<Value>, then again: @escaping () -> Void
  ) {
    releaser.release(skus, arrival: arrival) { outcome in
      if let problem = outcome.problem { return completion(.failure(problem)) }
      again()
    }
  }
}
