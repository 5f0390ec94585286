import Common
import NIOCore

/// Where the node stands, as its own event loop of requests sees it. Belongs to that loop.
final class NodeState {
  /// A link to Redis may be away for so long before the node is not ready.
  static let linkGrace = TimeAmount.seconds(1)

  enum Phase: String {
    case starting, serving, degraded, draining
  }

  let nodeID: String
  /// New with each start of the process.
  let bootID: String
  private let began = NIODeadline.now()
  private let link: RedisLink
  var isDraining = false
  /// What the watch over the store saw last; nil until it has been seen at all.
  var store: StoreReport?
  var lease = LeaseReport()
  var sweep = SweepReport()
  /// The last round trip to Redis on the link of requests.
  var roundTrip: TimeAmount?

  init(nodeID: String, link: RedisLink) {
    self.nodeID = nodeID
    self.link = link
    bootID = String(UInt64.random(in: .min ... .max), radix: 16)
  }

  var uptimeSeconds: Int64 { (NIODeadline.now() - began).nanoseconds / 1_000_000_000 }

  /// Why the node should get no requests; empty when it is ready.
  func obstacles(at now: NIODeadline = .now()) -> [String] {
    var obstacles: [String] = []
    if isDraining { obstacles.append("draining") }
    if store == nil { obstacles.append("starting: the store has not been checked yet") }
    let status = link.status(at: now)
    if let downFor = status.downFor, store == nil || downFor > Self.linkGrace {
      obstacles.append(
        "no link to Redis: \(status.lastProblem ?? "no reply for \(downFor.nanoseconds / 1_000_000) ms")")
    }
    return obstacles
  }

  func phase(obstacles: [String]) -> Phase {
    if isDraining { return .draining }
    if store == nil { return .starting }
    return obstacles.isEmpty && store?.isNearlyFull == false ? .serving : .degraded
  }

  var linkStatus: RedisLink.Status { link.status() }
}

/// What is known of the store's settings and memory.
struct StoreReport: Equatable, Sendable {
  /// Settings under which data could be lost, in words.
  var warnings: [String] = []
  /// From 90 % of `maxmemory` on, nothing new is taken.
  var isNearlyFull = false
  var usedBytes = 0
  /// 0 if there is no limit.
  var limitBytes = 0
}
