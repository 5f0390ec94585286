/// Brings the parts of one cart to where its home stands. Acts for ``PartSettlement``.
final class CartSettling {
  private let store: ShardedStore
  private let id: ReservationID
  private let home: Shard
  private var machine: PartSettlement
  /// What each shard has of it; empty until home has told.
  private var lines: [Shard: [ReservationLine]]
  private let completion: (Bool) -> Void

  /// - Parameters:
  ///   - lines: all of the cart, where they are known.
  ///   - completion: told whether that part, or all of it, has followed.
  init(
    _ store: ShardedStore, _ id: ReservationID, home: Shard, lines: [ReservationLine] = [], _ machine: PartSettlement,
    completion: @escaping (Bool) -> Void
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
          let answer = try? result.get()
          lines = store.map.linesByShard(answer?.lines ?? [])
          perform(machine.home(answer?.standing, parts: Set(lines.keys).subtracting([home])))
        }
      case .settle(let shard, let standing):
        store[shard].parts.settle(id, standing, lines: lines[shard] ?? [], home: home) { [self] result in
          perform(machine.settled(shard, result.isSuccess))
        }
      case .acknowledge(let end):
        store[home].parts.acknowledge(id, end) { [self] result in
          perform(machine.acknowledged((try? result.get()) == true))
        }
      case .finish(let isSettled): completion(isSettled)
      }
    }
  }
}

extension ShardMap {
  func linesByShard(_ lines: [ReservationLine]) -> [Shard: [ReservationLine]] {
    Dictionary(parts(of: lines).map { ($0.shard, $0.lines) }, uniquingKeysWith: +)
  }
}

extension Result {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
