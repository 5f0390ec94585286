/// Brings the parts of one cart to where its home stands. Acts for ``PartSettlement``.
final class CartSettling {
  private let store: ShardedStore
  private let id: ReservationID
  private let home: Shard
  private var machine: PartSettlement
  /// What each shard has of it; empty until home has told.
  private var lines: [Shard: [ReservationLine]]
  /// Why the first step failed that did.
  private var failure: StoreFailure?
  private let completion: (StoreFailure?) -> Void

  /// - Parameters:
  ///   - lines: all of the cart, where they are known.
  ///   - completion: told why a step failed; nil if none did. Home may have moved on meanwhile: that is no failure, and
  ///     whoever moved it brings its parts along.
  init(
    _ store: ShardedStore, _ id: ReservationID, home: Shard, lines: [ReservationLine] = [], _ machine: PartSettlement,
    completion: @escaping (StoreFailure?) -> Void
  ) {
    (self.store, self.id, self.home, self.machine, self.completion) = (store, id, home, machine, completion)
    self.lines = store.map.linesByShard(lines)
  }

  func begin() { perform(machine.begin()) }

  private func perform(_ actions: [PartSettlement.Action]) {
    for action in actions {
      switch action {
      case .askHome:
        store[home].parts.standing(id) { [self] result in
          let answer = told(result)
          lines = store.map.linesByShard(answer?.lines ?? [])
          perform(machine.home(answer?.standing, parts: Set(lines.keys).subtracting([home])))
        }
      case .settle(let shard, let standing):
        store[shard].parts.settle(id, standing, lines: lines[shard] ?? [], home: home) { [self] result in
          perform(machine.settled(shard, told(result) != nil))
        }
      case .acknowledge(let end):
        store[home].parts.acknowledge(id, end) { [self] result in
          perform(machine.acknowledged(told(result) == true))
        }
      case .finish(let isSettled):
        assert(!isSettled || failure == nil, "what failed in a step has not followed")
        completion(failure)
      }
    }
  }

  /// What a shard has answered; nil if it has not.
  private func told<Answer>(_ result: Result<Answer, StoreFailure>) -> Answer? {
    switch result {
    case .success(let answer): return answer
    case .failure(let reason):
      failure = failure ?? reason
      return nil
    }
  }
}

extension ShardMap {
  func linesByShard(_ lines: [ReservationLine]) -> [Shard: [ReservationLine]] {
    Dictionary(parts(of: lines).map { ($0.shard, $0.lines) }, uniquingKeysWith: +)
  }
}
