import NIOCore
import Store

/// Releases due holds on the way of a request, so that nothing is judged while expired holds still count as reserved.
final class HoldReleaser {
  private let stock: ShardedStock

  init(stock: ShardedStock) { self.stock = stock }

  enum Outcome: Equatable {
    case released
    /// Half a second of steps did not suffice.
    case tooMany
    case failed(StoreFailure)
  }

  /// Releases, step by step, what is due of `skus`.
  func release(_ skus: [SKU], arrival: NIODeadline, completion: @escaping (Outcome) -> Void) {
    guard let sku = skus.first else { return completion(.released) }
    guard arrival + Budget.release > stock.eventLoop.now else { return completion(.tooMany) }
    stock.releaseSome(of: sku, arrival: arrival) { [self] result in
      switch result {
      case .success(let isMoreDue):
        release(isMoreDue ? skus : Array(skus.dropFirst()), arrival: arrival, completion: completion)
      case .failure(let failure):
        completion(.failed(failure))
      }
    }
  }
}
