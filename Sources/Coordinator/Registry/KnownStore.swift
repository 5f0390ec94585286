import Common

/// What has been seen of the store, and when that is worth writing down.
struct KnownStore {
  /// The mark rises with every report. The file is written only when the mark has risen by this since.
  static let minMarkStepMs: Int64 = 5000

  private(set) var memory: StoreMemory
  /// The mark as it was last written.
  private var keptMark: Int64 = 0

  init(_ memory: StoreMemory) { self.memory = memory }

  private var mark: Int64 { memory.evidence?.mark ?? 0 }

  /// A node has told of the store.
  /// - Returns: whether what is known now is worth writing at once.
  mutating func heard(_ told: HealthReport.Store) -> Bool {
    let before = memory
    memory.heard(told)
    let isOther =
      memory.acknowledged != before.acknowledged || memory.evidence?.identity != before.evidence?.identity
      || memory.loss != before.loss
    return isOther || mark - keptMark >= Self.minMarkStepMs
  }

  /// What is known is about to be written.
  mutating func keep() { keptMark = mark }

  /// An operator takes the store as those nodes find it.
  mutating func acknowledge(_ losing: [HealthReport.Store], at now: Int64) {
    memory.acknowledge(losing, at: now)
    keep()
  }
}
