import NIOCore

/// The sweep of all shards. Each shard is swept by itself, under one lease.
package struct ShardedSweep {
  package typealias Completion<Outcome> = SweepRepository.Completion<Outcome>

  /// Carts that ended longer ago are looked after; those that act on them do so at once.
  private static let unsettledAge = TimeAmount.seconds(1)
  /// Carts that one step settles.
  private static let cartsPerStep = 50

  private let store: ShardedStore

  init(_ store: ShardedStore) { self.store = store }

  package var shards: [Shard] { store.map.shards }

  /// Releases what is due on a shard, a bounded batch of it. Parts of carts among it ask their homes.
  ///
  /// The batch is told as it was, whatever became of the parts: what it has released counts, and to repeat it would
  /// help no part. One that could not follow is due again a second later. What keeps it is told elsewhere: a shard that
  /// refuses or is away fails its own sweep, and damage is told by the alarm.
  package func sweep(
    _ shard: Shard, token: String, epoch: Int64,
    completion: @escaping Completion<SweepRepository.Outcome<SweepRepository.Batch>>
  ) {
    store[shard].sweep.sweep(token: token, epoch: epoch) { [store] result in
      guard case .success(.done(let batch)) = result, !batch.parts.isEmpty else { return completion(result) }
      store.settle(batch.parts, dueAt: shard) { _ in completion(result) }
    }
  }

  /// Takes lapsed sales out of a shard's index for the audit, of a few SKUs after `cursor`.
  package func trim(
    _ shard: Shard, token: String, epoch: Int64, after cursor: String,
    completion: @escaping Completion<SweepRepository.Outcome<SweepRepository.Trim>>
  ) {
    store[shard].sweep.trim(token: token, epoch: epoch, after: cursor, completion: completion)
  }

  /// How far behind the sweep is, whoever leads, over all shards.
  package func overdue(completion: @escaping Completion<SweepRepository.Overdue>) {
    func told(_ result: Result<[SweepRepository.Overdue], StoreFailure>) {
      completion(result.map { each in each.reduce(into: SweepRepository.Overdue()) { $0.add($1) } })
    }
    store.askAll({ $0.sweep.overdue(completion: $1) }, told)
  }

  /// Brings parts to where carts ended that this shard is home to, some of them. It fails if a step fails for any cart;
  /// the others are settled all the same.
  package func settle(_ shard: Shard, completion: @escaping Completion<Void>) {
    guard store.map.count > 1 else { return completion(.success(())) }
    store[shard].parts.unsettled(age: Self.unsettledAge, limit: Self.cartsPerStep) { [store] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let carts):
        store.settle(carts) { failure in completion(failure.map { .failure($0) } ?? .success(())) }
      }
    }
  }
}

extension SweepRepository.Overdue {
  fileprivate mutating func add(_ other: SweepRepository.Overdue) {
    holds += other.holds
    oldest = [oldest, other.oldest].compactMap { $0 }.max()
  }
}
