import Common
import NIOCore
import RedisClient

/// Where the node stands, as its own event loop of requests sees it. Belongs to that loop.
final class NodeState {
  /// A link to Redis may be away for so long before the node is not ready.
  static let linkGrace = TimeAmount.seconds(1)

  enum Drain: String, CaseIterable {
    case stopping = "the process stops"
    case wanted = "an operator wants it"
  }

  let nodeID: String
  /// New with each start of the process.
  let bootID: String
  private let began = NIODeadline.now()
  private let link: RedisLink
  /// Why it drains; empty while it does not.
  private(set) var drains: Set<Drain> = []
  /// What the watch over the store saw last; nil until it has looked.
  var store: StoreReport?
  var lease = LeaseReport()
  var sweep = SweepReport()
  var damage = DamageReport()
  /// The last round trip to Redis on the link of requests.
  var roundTrip: TimeAmount?

  init(nodeID: String, link: RedisLink) {
    self.nodeID = nodeID
    self.link = link
    bootID = String(UInt64.random(in: .min ... .max), radix: 16)
  }

  var uptimeSeconds: Int64 { (NIODeadline.now() - began).nanoseconds / 1_000_000_000 }

  var isDraining: Bool { !drains.isEmpty }

  /// - Returns: whether the node drains now and did not before, or the other way round.
  func set(_ drain: Drain, to isOn: Bool) -> Bool {
    let before = isDraining
    if isOn { drains.insert(drain) } else { drains.remove(drain) }
    return isDraining != before
  }

  /// Why the node should get no requests; empty when it is ready.
  func obstacles(at now: NIODeadline = .now()) -> [String] {
    var obstacles: [String] = []
    for drain in Drain.allCases where drains.contains(drain) { obstacles.append("draining: \(drain.rawValue)") }
    if isStarting { obstacles.append("starting: the store has not been checked yet") }
    obstacles += store?.faults ?? []
    let status = link.status(at: now)
    if let downFor = status.downFor, isStarting || downFor > Self.linkGrace {
      let problem = status.lastProblem ?? "no reply for \(downFor.nanoseconds / 1_000_000) ms"
      obstacles.append(status.isRefused ? problem : "no link to Redis: \(problem)")
    }
    return obstacles
  }

  private var isStarting: Bool { store?.isChecked != true }

  /// What people should look at, though the node is ready.
  var warnings: [String] {
    [store?.judge.loss?.words].compactMap(\.self) + fullness + (store?.warnings ?? []) + link.status().warnings
  }

  private var fullness: [String] {
    store?.isNearlyFull == true ? ["the store is nearly full: nothing new is taken"] : []
  }

  private func phase(obstacles: [String]) -> HealthReport.State {
    if isDraining { return .draining }
    if isStarting { return .starting }
    return obstacles.isEmpty && store?.isNearlyFull == false ? .serving : .degraded
  }

  /// What the coordinator is told.
  func announcement(url: String) -> Announcement {
    Announcement(
      id: nodeID, bootId: bootID, url: url, version: Version.text, state: phase(obstacles: obstacles()).rawValue)
  }

  func report(of requests: HealthReport.Requests, at now: NIODeadline = .now()) -> HealthReport {
    let obstacles = obstacles(at: now)
    let status = link.status(at: now)
    let redis = HealthReport.Redis(
      connected: status.isUp, version: store?.version, roundTripMs: roundTrip.map { $0.milliseconds },
      pending: status.pending, reconnects: status.reconnects, usedBytes: store?.usedBytes ?? 0,
      limitBytes: store?.limitBytes ?? 0, faults: store?.faults ?? [],
      warnings: (store?.warnings ?? []) + status.warnings, clockOffsetMs: store?.clockOffset.map(Int.init))
    return HealthReport(
      nodeId: nodeID, bootId: bootID, version: Version.text, uptimeSeconds: uptimeSeconds,
      state: phase(obstacles: obstacles), reasons: obstacles + fullness,
      drained: drains == [.wanted] && obstacles.count == 1, redis: redis,
      store: HealthReport.Store(store?.judge ?? StoreJudge(), damaged: damage.count, damage: damage.words),
      lease: lease.asHealth, sweeper: sweep.asHealth, requests: requests)
  }
}

extension LeaseReport {
  fileprivate var asHealth: HealthReport.Lease {
    HealthReport.Lease(
      leader: isLeader, epoch: holder?.epoch, holder: holder?.nodeID,
      since: holder.map { RFC3339.string(epochMilliseconds: $0.acquiredAt) },
      remainingMs: remaining().map { Int($0 / .milliseconds(1)) }, termsWon: termsWon, termsLost: termsLost,
      renewMs: renewal.map { ($0 / .milliseconds(1)).rounded(decimals: 3) })
  }
}

extension SweepReport {
  fileprivate var asHealth: HealthReport.Sweeper {
    let batch = lastBatch.map { batch in
      HealthReport.Sweeper.Batch(
        agoMs: Int((NIODeadline.now() - batch.at).milliseconds), holds: batch.holds, tookMs: batch.took.milliseconds)
    }
    return HealthReport.Sweeper(
      backlog: overdue?.holds, oldestOverdueMs: overdue?.oldest.map { Int($0.milliseconds) }, lastBatch: batch,
      releasedTotal: releasedTotal, trimmedTotal: trimmedTotal, fencedAttempts: fencedAttempts)
  }
}

extension TimeAmount {
  /// To the microsecond.
  fileprivate var milliseconds: Double { Double(nanoseconds / 1000) / 1000 }
}

extension Double {
  /// For people: more digits would only flicker.
  func rounded(decimals: Int) -> Double {
    let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
    return (self * scale).rounded() / scale
  }
}
