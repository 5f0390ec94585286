import Common
import NIOCore

/// Stock of all shards: each SKU is its shard's, and the list is all of theirs.
package struct ShardedStock {
  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void
  package typealias Change = StockRepository.Change
  package typealias ChangeOutcome = StockRepository.ChangeOutcome
  package typealias DeleteOutcome = StockRepository.DeleteOutcome
  package typealias ReadOutcome = StockRepository.ReadOutcome
  package typealias Row = StockRepository.Row

  private let store: ShardedStore

  init(_ store: ShardedStore) { self.store = store }

  /// Where all of it happens.
  package var eventLoop: any EventLoop { store.shards[0].stock.eventLoop }

  private func home(of sku: SKU) -> StockRepository { store[store.map.home(of: sku)].stock }

  package func read(_ sku: SKU, deadline: NIODeadline, completion: @escaping Completion<ReadOutcome>) {
    home(of: sku).read(sku, deadline: deadline, completion: completion)
  }

  /// Puts one bounded step of a SKU's expired holds back in stock. Parts of carts among them ask their homes.
  ///
  /// - Parameter completion: told whether any are left.
  package func releaseSome(of sku: SKU, arrival: NIODeadline, completion: @escaping Completion<Bool>) {
    home(of: sku).releaseSome(of: sku, arrival: arrival) { [store] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let release):
        // A part that could not follow is due again a second later. The request need not know of it.
        store.settle(release.parts, dueAt: store.map.home(of: sku)) { _ in completion(.success(release.isMoreDue)) }
      }
    }
  }

  package func change(
    _ sku: SKU, _ change: Change, write: Write, completion: @escaping Completion<ChangeOutcome>
  ) {
    let home = store.map.home(of: sku)
    store.keyed(write, at: home, used: .keyReused, completion) { [store] write, completion in
      store[home].stock.change(sku, change, write: write, completion: completion)
    }
  }

  package func delete(_ sku: SKU, write: Write, completion: @escaping Completion<DeleteOutcome>) {
    let home = store.map.home(of: sku)
    store.keyed(write, at: home, used: .keyReused, completion) { [store] write, completion in
      store[home].stock.delete(sku, write: write, completion: completion)
    }
  }

  /// A step of the list: SKUs in byte order after the member `cursor`, at most `limit`.
  package func list(after cursor: [UInt8]?, limit: Int, deadline: NIODeadline) async throws(StoreFailure) -> [Row] {
    let lists = try await outcome { completion in
      store.askAll({ $0.stock.list(after: cursor, limit: limit, deadline: deadline, completion: $1) }, completion)
    }
    guard lists.count > 1 else { return lists[0] }
    let rows = lists.joined().sorted { $0.member.lexicographicallyPrecedes($1.member) }
    return Array(rows.prefix(limit))
  }

  /// Looks again at a SKU that was found damaged; the outcome is what is damaged still.
  package func inspect(_ sku: SKU, limit: TimeAmount, completion: @escaping Completion<[StoreDamage]>) {
    home(of: sku).inspect(sku, limit: limit, completion: completion)
  }
}
