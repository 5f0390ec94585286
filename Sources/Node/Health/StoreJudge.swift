import Common

/// Judges at a node whether the store has lost data, decided purely. It compares what probes find with what was seen
/// before: by this process or, as the coordinator tells, by others.
///
/// A probe is judged only by what was known when it began. All of that had been in the store before the probe, so a
/// store without it has lost it. No order in which reports and answers arrive can make that wrong.
struct StoreJudge: Sendable {
  struct Probe: Sendable {
    fileprivate var evidence: [StoreEvidence]
    fileprivate let hasHeard: Bool
    let acknowledged: Int64
  }

  /// When an operator last acknowledged a loss, as far as is known; 0 for never. What was seen before that counts no
  /// more.
  private(set) var acknowledged: Int64 = 0
  /// One for each identity that was seen or told of. Once there are two, the next probe finds one of them lost.
  private(set) var evidence: [StoreEvidence] = []
  private static let maxIdentities = 4
  /// Stands until it is acknowledged.
  private(set) var loss: HealthReport.Store.Loss?
  /// What is in the store now, by the last probe that counts; nil before the first one.
  private(set) var found: StoreEvidence?
  /// Whether the coordinator has told anything, and whether the store has been compared with that.
  private var (hasHeard, isCompared) = (false, false)

  /// The last acknowledgement; 0 for none. Nil until the store has been compared with what the coordinator tells, since
  /// what is found before that proves nothing to a coordinator that has seen more (``StoreMemory/heard(_:)``). What is
  /// found after an acknowledgement has been compared.
  var told: Int64? { isCompared || acknowledged > 0 ? acknowledged : nil }

  func begin() -> Probe { Probe(evidence: evidence, hasHeard: hasHeard, acknowledged: acknowledged) }

  /// A probe has been answered.
  ///
  /// - Parameters:
  ///   - sight: what it found.
  ///   - after: what the store held when it was done; nil if its identity is none.
  /// - Returns: a loss that was not known yet.
  mutating func ended(
    _ probe: Probe, found sight: StoreSight, after: StoreEvidence?, at now: Int64
  ) -> HealthReport.Store.Loss? {
    assert(probe.acknowledged <= acknowledged, "acknowledgements only rise")
    // An acknowledgement came meanwhile, and the probe may tell of the time before it.
    guard probe.acknowledged == acknowledged else { return nil }
    found = after
    isCompared = isCompared || probe.hasHeard
    guard loss == nil else { return nil }
    if let known = probe.evidence.first(where: { !$0.isHeld(by: sight) }) {
      loss = HealthReport.Store.Loss(
        seenIdentity: known.identity, seenMark: known.mark, foundIdentity: sight.identity, foundMark: sight.mark,
        since: RFC3339.string(epochMilliseconds: now))
      return loss
    }
    if let after { add(after) }
    return nil
  }

  /// Another shard of the store has lost data.
  ///
  /// - Returns: whether no loss was known.
  mutating func learned(of other: HealthReport.Store.Loss) -> Bool {
    guard loss == nil else { return false }
    loss = other
    return true
  }

  private mutating func add(_ seen: StoreEvidence) {
    if let index = evidence.firstIndex(where: { $0.identity == seen.identity }) {
      evidence[index].add(seen)
    } else if evidence.count < Self.maxIdentities {
      evidence.append(seen)
    }
    assert(evidence.count <= Self.maxIdentities)
  }

  /// The coordinator has told what it and others have seen.
  ///
  /// - Returns: whether a loss has been acknowledged.
  mutating func heard(_ memory: StoreMemory) -> Bool {
    guard memory.isWellFormed, memory.acknowledged >= acknowledged else { return false }
    hasHeard = true
    if memory.acknowledged > acknowledged {
      let wasLost = loss != nil
      (acknowledged, loss, found) = (memory.acknowledged, memory.loss, nil)
      evidence = memory.evidence.map { [$0] } ?? []
      return wasLost
    }
    // Others have found a loss, and may be gone since.
    loss = loss ?? memory.loss
    if loss == nil, let told = memory.evidence { add(told) }
    return false
  }
}

extension HealthReport.Store {
  /// What the judge knows.
  init(_ judge: StoreJudge, shards: Int? = nil, unservedShards: Int? = nil, damaged: Int = 0, damage: [String] = []) {
    let newest = judge.found?.newest
    self.init(
      shards: shards, unservedShards: unservedShards, identity: judge.found?.identity, mark: newest?.mark,
      markedBy: newest?.name,
      acknowledged: judge.told, loss: judge.loss, damaged: damaged,
      damage: damage)
  }
}
