import Common
import NIOCore
import Store

/// How Redis and the store in it stand, decided purely from the answers to what the watch asks.
struct StoreStanding {
  /// What is asked. Each keeps what it found until it is answered again.
  enum Question: Int, CaseIterable, Sendable {
    case server, layout, settings, memory, replicas, types, rights, write, clock
  }

  /// What has changed, for the log.
  enum News: Equatable {
    case found(StoreFinding)
    case gone(StoreFinding)
    case lost(HealthReport.Store.Loss)
    case acknowledged
  }

  /// Whether there are several masters. Then what one of them lacks does not stop the others.
  let isCluster: Bool
  private(set) var version: String?
  private(set) var memory = StoreFinding.Memory()
  private(set) var replication: Replication?
  private(set) var judge = StoreJudge()
  /// Those of the further shards, by their places. What one finds lost is lost to all.
  private var judges: [Int: StoreJudge] = [:]
  private var clock = ClockCheck()
  private var answers: [Question: [StoreFinding]] = [:]
  private var told: [StoreFinding] = []
  /// Whether everything that can be asked has been answered once. A node is not ready before.
  private(set) var isChecked = false
  private var newLoss: HealthReport.Store.Loss?
  private var isNewlyAcknowledged = false

  init(isCluster: Bool = false) { self.isCluster = isCluster }

  // MARK: - Answers

  mutating func answered(_ server: StoreFinding.Server?) {
    guard let server else { return }
    version = server.version ?? version
    answers[.server] = server.findings
  }

  mutating func answered(_ question: Question, _ findings: [StoreFinding]?) {
    if let findings { answers[question] = findings }
  }

  mutating func answered(_ memory: StoreFinding.Memory?) {
    guard let memory else { return }
    self.memory = memory
    answers[.memory] = memory.findings
  }

  mutating func answered(_ replicas: (replication: Replication?, findings: [StoreFinding])?) {
    guard let replicas else { return }
    replication = replicas.replication
    answers[.replicas] = replicas.findings
  }

  /// The store has been looked at, and a mark raised, or not.
  mutating func looked(
    _ probe: StoreJudge.Probe, _ result: Result<IdentityRepository.Look, StoreFailure>, sent: NIODeadline,
    arrived: NIODeadline, wall: Int64
  ) {
    switch result {
    case .success(let look):
      clock.observe(look.time, wall: wall, sent: sent, arrived: arrived)
      answers[.write] =
        look.after == nil && look.isReplicated
        ? [StoreFinding(subject: "identity", meaning: .warning, words: Self.noIdentity)] : []
      // What replicas lack may be gone tomorrow without a loss of anything that was acknowledged: it is no evidence.
      let after = look.isReplicated ? look.after : judge.found
      newLoss = judge.ended(probe, found: look.found, after: after, at: wall) ?? newLoss
    case .failure(.redis(.notSent(.offline))):
      // There is no link: that is told elsewhere, and what was refused on the last one says nothing of the next.
      replication = nil
      if isChecked { (answers[.write], answers[.replicas]) = ([], []) }
    case .failure(let failure):
      guard var finding = StoreFinding.write(refused: failure) else { return }
      if isCluster { finding.meaning = .warning }
      answers[.write] = [finding]
    }
  }

  /// A look at a further shard begins.
  mutating func beginLook(at shard: Int) -> StoreJudge.Probe {
    if judges[shard] == nil {
      var judge = StoreJudge()
      _ = judge.heard(StoreMemory(acknowledged: self.judge.acknowledged))
      judges[shard] = judge
    }
    return judges[shard, default: StoreJudge()].begin()
  }

  /// A further shard has been looked at, or not. That it could not be is told by its link.
  mutating func looked(
    at shard: Int, _ probe: StoreJudge.Probe, _ result: Result<IdentityRepository.Look, StoreFailure>, wall: Int64
  ) {
    guard case .success(let look) = result, var own = judges[shard] else { return }
    let loss = own.ended(probe, found: look.found, after: look.isReplicated ? look.after : own.found, at: wall)
    judges[shard] = own
    if let loss, judge.learned(of: loss) { newLoss = loss }
  }

  private static let noIdentity =
    "The store's own key for its identity does not hold one; something else has written there: \(OwnKeys.unnoticed)"

  /// The coordinator has told what others have seen of the store.
  mutating func heard(_ memory: StoreMemory) {
    let known = judge.loss
    if judge.heard(memory) { isNewlyAcknowledged = true }
    // What the memory has seen is of the first shard.
    for shard in judges.keys { _ = judges[shard]?.heard(StoreMemory(acknowledged: judge.acknowledged)) }
    if let loss = judge.loss, loss != known { newLoss = loss }
  }

  /// Whether it is known how the store is cut.
  var knowsLayout: Bool { answers[.layout] != nil }

  // MARK: - What follows

  /// To be called when a round of questions has ended.
  /// - Returns: why a node that starts is to end; nil if nothing says so, or it has served already.
  mutating func endRound(at now: NIODeadline) -> String? {
    answers[.clock] = clock.findings(at: now)
    guard !isChecked else { return nil }
    if let reason = findings.first(where: \.endsStart)?.words { return reason }
    // A refused write is an answer, but what was asked beside it may not have been answered.
    isChecked = Question.allCases.allSatisfy { answers[$0] != nil }
    return nil
  }

  private var findings: [StoreFinding] { Question.allCases.flatMap { answers[$0] ?? [] } }

  private func words(_ meaning: StoreFinding.Meaning) -> [String] {
    findings.filter { $0.meaning == meaning }.map(\.words)
  }

  var report: StoreReport {
    StoreReport(
      isChecked: isChecked, version: version, faults: words(.fault), warnings: words(.warning),
      isNearlyFull: HealthReport.Redis.isNearlyFull(usedBytes: memory.used, limitBytes: memory.limit),
      usedBytes: memory.used, limitBytes: memory.limit, replication: replication, clockOffset: clock.offset,
      judge: judge)
  }

  /// What has changed since this was last called.
  mutating func takeNews() -> [News] {
    let present = findings
    var news: [News] = []
    func isIn(_ findings: [StoreFinding], _ finding: StoreFinding) -> Bool {
      findings.contains { $0.subject == finding.subject && $0.meaning == finding.meaning }
    }
    for finding in told where !isIn(present, finding) { news.append(.gone(finding)) }
    for finding in present where !isIn(told, finding) { news.append(.found(finding)) }
    told = present
    if isNewlyAcknowledged { news.append(.acknowledged) }
    if let newLoss { news.append(.lost(newLoss)) }
    (newLoss, isNewlyAcknowledged) = (nil, false)
    return news
  }
}
