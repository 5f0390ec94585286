import Common

/// All that an operator sees of the cluster at one instant: the data of `/api/v1/cluster`, of the page and of the
/// metrics. Instants are RFC 3339 texts, durations milliseconds unless the name says otherwise.
struct ClusterView: Encodable, Equatable, Sendable {
  /// When this was true.
  var at: String
  /// No problem, and every node judged.
  var healthy: Bool
  /// Is all well, in one sentence.
  var summary: String
  /// The worst first.
  var problems: [Problem]
  var leader: Leader?
  /// Changes of leadership since the coordinator began to watch.
  var failovers: Int
  var totals: Totals
  var store: Store
  /// What must hold of the cluster as a whole, and whether it does.
  var invariants: [Invariant]
  var nodes: [Node]
  /// The newest first.
  var transitions: [Transition]
  /// What is being checked, and how, in words.
  var checks: [String]
  var coordinator: Coordinator

  struct Problem: Encodable, Equatable, Sendable {
    enum Severity: String, Encodable, Sendable {
      case critical, warning
    }

    var severity: Severity
    /// Names the kind for programs, for example `node-down`.
    var kind: String
    var text: String
    var since: String
    var node: String?
  }

  struct Leader: Encodable, Equatable, Sendable {
    var id: String
    var epoch: Int64
    var since: String
    var termAgeSeconds: Int
  }

  struct Totals: Encodable, Equatable, Sendable {
    var nodes: Int
    var up: Int
    var ready: Int
    var ratePerSecond: Double
    var errorsPerSecond: Double
    var overdueHolds: Int?
    var oldestOverdueMs: Int?
    /// One value a second, the oldest first.
    var rates: [Double]
    var overdue: [Int]
  }

  struct Invariant: Encodable, Equatable, Sendable {
    /// For example `one leader`.
    var name: String
    /// Nil: it can't be told at present.
    var holds: Bool?
    var detail: String
  }

  struct Node: Encodable, Equatable, Sendable {
    typealias State = NodeStatus

    var id: String
    var bootId: String
    var url: String
    var version: String
    var state: State
    /// When it came into this state.
    var since: String
    /// Why, in words.
    var reason: String
    /// What an operator wants of it: `serve` or `drain`.
    var wanted: String
    /// Whether load balancers give it requests.
    var ready: Bool
    var probe: Probe
    /// Since its last announcement; nil if it was never heard of since the coordinator started.
    var announcedAgoMs: Int?
    /// What it told last; nil if it has not been reached since the coordinator started.
    var health: HealthReport?
    /// One value a second, the oldest first; nil where there was none.
    var probeTimes: [Double?]
    var rates: [Double?]
    /// Other processes that announce themselves with its id, and are not watched.
    var rivals: [Rival] = []
  }

  struct Rival: Encodable, Equatable, Sendable {
    var bootId: String
    var url: String
    var since: String
  }

  struct Probe: Encodable, Equatable, Sendable {
    var lastAgoMs: Int?
    var lastMs: Double?
    /// Why the last one failed; nil if it did not.
    var lastFailure: String?
    var failuresInARow: Int
    var intervalMs: Int
    var total: Int
    var failed: Int
  }

  struct Transition: Encodable, Equatable, Sendable {
    var at: String
    /// A node, or `cluster` for changes of leadership.
    var subject: String
    var from: String
    var to: String
    var reason: String
  }

  struct Coordinator: Encodable, Equatable, Sendable {
    var version: String
    var uptimeSeconds: Int
    /// Rounds in a row in which it was itself woken late.
    var lateRounds: Int
  }
}

extension ClusterView {
  /// Whether no other node would be ready for requests if this one drained.
  func wouldLeaveNoneReady(drained id: String) -> Bool {
    guard let node = nodes.first(where: { $0.id == id }), node.ready || node.state == .unknown else { return false }
    return !nodes.contains { $0.id != id && $0.ready && $0.wanted != Wanted.drain.rawValue }
  }
}
