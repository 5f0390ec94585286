import Common
import NIOCore
import RedisClient
import Store

/// Where the node stands, as its own event loop of requests sees it. Belongs to that loop.
final class NodeState {
  /// A link to Redis may be away for so long before the node is not ready.
  static let linkGrace = TimeAmount.seconds(1)

  enum Drain: String, CaseIterable {
    case stopping = "the process stops"
    case wanted = "an operator wants it"
  }

  let nodeID: String
  private let topology: RedisTopology
  private let minReplicas: Int
  private let shards: Int
  /// New with each start of the process.
  let bootID: String
  let reports: NodeReports
  private let startedAt: NIODeadline
  private let links: any LinkSet
  private let roundTrip: RoundTrip
  /// Why it drains; empty while it does not.
  private(set) var drains: Set<Drain> = []

  /// - Parameters:
  ///   - minReplicas: so many replicas have a change before it is acknowledged.
  ///   - shards: into how many the store is cut.
  ///   - links: the links of requests.
  init(
    nodeID: String, topology: RedisTopology, minReplicas: Int, shards: Int = 1, links: any LinkSet,
    roundTrip: RoundTrip = RoundTrip(),
    reports: NodeReports, startedAt: NIODeadline
  ) {
    (self.topology, self.minReplicas, self.shards) = (topology, minReplicas, shards)
    (self.links, self.roundTrip) = (links, roundTrip)
    (self.nodeID, self.reports, self.startedAt) = (nodeID, reports, startedAt)
    bootID = String(UInt64.random(in: .min ... .max), radix: 16)
  }

  var isDraining: Bool { !drains.isEmpty }

  /// - Returns: whether the node drains now and did not before, or the other way round.
  func set(_ drain: Drain, to isOn: Bool) -> Bool {
    let before = isDraining
    if isOn { drains.insert(drain) } else { drains.remove(drain) }
    return isDraining != before
  }

  /// Why the node should get no requests; empty when it is ready.
  func obstacles(at now: NIODeadline) -> [String] { obstacles(reports.current, links.status(at: now)) }

  private func obstacles(_ known: NodeReports.Contents, _ status: RedisLink.Status) -> [String] {
    var obstacles: [String] = []
    for drain in Drain.allCases where drains.contains(drain) { obstacles.append("draining: \(drain.rawValue)") }
    if let awaited = known.awaited { obstacles.append("starting: \(awaited)") }
    obstacles += known.store?.faults ?? []
    if let downFor = status.downFor, known.awaited != nil || downFor > Self.linkGrace {
      let problem = status.lastProblem ?? "no reply for \(downFor.nanoseconds / 1_000_000) ms"
      obstacles.append(status.isRefused ? problem : "no link to Redis: \(problem)")
    }
    return obstacles
  }

  /// What people should look at, though the node is ready.
  func warnings(at now: NIODeadline) -> [String] {
    let store = reports.current.store
    return [store?.judge.loss?.words].compactMap(\.self) + Self.fullness(store) + (store?.warnings ?? [])
      + links.status(at: now).warnings
  }

  private static func fullness(_ store: StoreReport?) -> [String] {
    store?.isNearlyFull == true ? ["the store is nearly full: nothing new is taken"] : []
  }

  private func phase(_ known: NodeReports.Contents, obstacles: [String]) -> HealthReport.State {
    if isDraining { return .draining }
    if known.awaited != nil { return .starting }
    return obstacles.isEmpty && known.store?.isNearlyFull == false ? .serving : .degraded
  }

  /// What the coordinator is told.
  func announcement(url: String, at now: NIODeadline) -> Announcement {
    let known = reports.current
    let state = phase(known, obstacles: obstacles(known, links.status(at: now)))
    return Announcement(id: nodeID, bootId: bootID, url: url, version: Version.text, state: state.rawValue)
  }

  /// - Parameter leaseNow: the same instant by the clock of leases.
  func report(
    of requests: HealthReport.Requests, at now: NIODeadline, leaseNow: ContinuousClock.Instant
  ) -> HealthReport {
    let known = reports.current
    let (store, status) = (known.store, links.status(at: now))
    let obstacles = obstacles(known, status)
    let redis = HealthReport.Redis(
      mode: topology.mode, server: status.server,
      replicas: store?.replication.map {
        .init(connected: $0.connected, awaited: minReplicas, lagBytes: $0.lagBytes)
      },
      connected: status.isUp, version: store?.version, roundTripMs: roundTrip.last.map { $0.milliseconds },
      pending: status.pending, reconnects: status.reconnects, usedBytes: store?.usedBytes ?? 0,
      limitBytes: store?.limitBytes ?? 0, faults: store?.faults ?? [],
      warnings: (store?.warnings ?? []) + status.warnings, clockOffsetMs: store?.clockOffset.map(Int.init))
    return HealthReport(
      nodeId: nodeID, bootId: bootID, version: Version.text,
      uptimeSeconds: (now - startedAt).nanoseconds / 1_000_000_000,
      state: phase(known, obstacles: obstacles), reasons: obstacles + Self.fullness(store),
      drained: drains == [.wanted] && obstacles.count == 1, redis: redis,
      store: HealthReport.Store(
        store?.judge ?? StoreJudge(), shards: shards, unservedShards: status.isUp ? status.unservedShards : shards,
        damaged: known.damage.count, damage: known.damage.words),
      lease: known.lease.asHealth(at: leaseNow), sweeper: known.sweep.asHealth(known.overdue, at: now),
      requests: requests)
  }
}

/// The last round trip to Redis on the links of requests. Belongs to their event loop.
final class RoundTrip {
  var last: TimeAmount?
}

extension LeaseReport {
  fileprivate func asHealth(at now: ContinuousClock.Instant) -> HealthReport.Lease {
    HealthReport.Lease(
      leader: isLeader, epoch: holder?.epoch, holder: holder?.nodeID,
      since: holder.map { RFC3339.string(epochMilliseconds: $0.acquiredAt) },
      remainingMs: remaining(at: now).map { Int($0 / .milliseconds(1)) }, termsWon: termsWon, termsLost: termsLost,
      renewMs: renewal.map { ($0 / .milliseconds(1)).rounded(decimals: 3) })
  }
}

extension SweepReport {
  fileprivate func asHealth(_ overdue: SweepRepository.Overdue?, at now: NIODeadline) -> HealthReport.Sweeper {
    let batch = lastBatch.map { batch in
      // It may have ended on its own loop since `now`.
      HealthReport.Sweeper.Batch(
        agoMs: Int(max(.zero, now - batch.at).milliseconds), holds: batch.holds, tookMs: batch.took.milliseconds)
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
