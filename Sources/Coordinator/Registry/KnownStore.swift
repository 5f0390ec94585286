import Common

/// What has been seen of the store, and when that is worth writing down.
struct KnownStore {
  /// The mark rises with every report, which is no reason to write the file each time: in milliseconds.
  private static let minMarkKept: Int64 = 5000

  private(set) var memory: StoreMemory
  /// The mark that was kept last.
  private var keptMark: Int64 = 0

  init(_ memory: StoreMemory) { self.memory = memory }

  private var mark: Int64 { memory.evidence?.mark ?? 0 }

  /// - Returns: whether what is known now is worth keeping at once.
  mutating func heard(_ told: HealthReport.Store) -> Bool {
    let before = memory
    memory.heard(told)
    let isOther =
      memory.acknowledged != before.acknowledged || memory.evidence?.identity != before.evidence?.identity
      || memory.loss != before.loss
    return isOther || mark - keptMark >= Self.minMarkKept
  }

  /// What is known is about to be kept.
  mutating func keep() { keptMark = mark }

  mutating func acknowledge(_ losing: [HealthReport.Store], at now: Int64) {
    memory.acknowledge(losing, at: now)
    keep()
  }
}
