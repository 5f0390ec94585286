import Common
import Metrics

/// What the coordinator sees, in numbers. The series of a node go when the node goes.
struct CoordinatorMetrics {
  static let help = [
    "holdfast_node_up": "1 while the node answers and is trusted (UP, SUSPECT or DRAINING).",
    "holdfast_node_state": "1 for the state that the node is in.",
    "holdfast_coordinator_nodes": "Nodes by their state.",
    "holdfast_coordinator_problems": "What is wrong at present, by its severity.",
    "holdfast_coordinator_probe_seconds": "Time that answered probes took.",
    "holdfast_coordinator_probe_failures_total": "Probes that failed, by what was seen.",
    "holdfast_coordinator_transitions_total": "Changes of nodes' states, by the state they came into.",
    "holdfast_coordinator_announcements_total": "Announcements of nodes that were taken.",
    "holdfast_coordinator_announcements_refused_total": "Announcements of nodes that were refused, by the reason.",
    "holdfast_coordinator_late_rounds_total": "Rounds of probes that began late, for want of processor time.",
    "holdfast_coordinator_failovers_total": "Changes of leadership from one node to another.",
    "holdfast_coordinator_leader_epoch": "Epoch of the leader; 0 while there is none.",
    "holdfast_coordinator_file_failures_total": "Times that the registry could not be written.",
  ]

  private static let severities: [ClusterView.Problem.Severity] = [.critical, .warning]

  private struct OfNode {
    var up: Gauge
    var state: Gauge
    var status: NodeStatus
  }

  private let factory: any MetricsFactory
  private let probe: Timer
  private let announcements: Counter
  private let late: Counter
  private let failovers: Counter
  private let epoch: Gauge
  private let fileFailures: Counter
  private let counts: [NodeStatus: Gauge]
  private let transitions: [NodeStatus: Counter]
  private let problems: [ClusterView.Problem.Severity: Gauge]
  private var refusals: [String: Counter] = [:]
  private var failures: [String: Counter] = [:]
  private var nodes: [String: OfNode] = [:]
  private var countedFailovers: Int?

  init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.factory = factory
    probe = Timer(label: "holdfast_coordinator_probe_seconds", factory: factory)
    announcements = Counter(label: "holdfast_coordinator_announcements_total", factory: factory)
    late = Counter(label: "holdfast_coordinator_late_rounds_total", factory: factory)
    failovers = Counter(label: "holdfast_coordinator_failovers_total", factory: factory)
    epoch = Gauge(label: "holdfast_coordinator_leader_epoch", factory: factory)
    fileFailures = Counter(label: "holdfast_coordinator_file_failures_total", factory: factory)
    func each<Key: Hashable, Metric>(_ keys: [Key], _ make: (Key) -> Metric) -> [Key: Metric] {
      Dictionary(uniqueKeysWithValues: keys.map { ($0, make($0)) })
    }
    counts = each(NodeStatus.allCases) {
      Gauge(label: "holdfast_coordinator_nodes", dimensions: [("state", $0.rawValue)], factory: factory)
    }
    transitions = each(NodeStatus.allCases) {
      Counter(label: "holdfast_coordinator_transitions_total", dimensions: [("to", $0.rawValue)], factory: factory)
    }
    problems = each(Self.severities) {
      Gauge(label: "holdfast_coordinator_problems", dimensions: [("severity", $0.rawValue)], factory: factory)
    }
  }

  func answered(_ took: Duration) { probe.record(duration: took) }

  mutating func failed(_ failure: ProbeFailure) {
    Self.count(failure.label, in: &failures, "holdfast_coordinator_probe_failures_total", factory)
  }

  func announced() { announcements.increment() }

  mutating func refused(_ refusal: AnnouncementRefusal) {
    Self.count(refusal.label, in: &refusals, "holdfast_coordinator_announcements_refused_total", factory)
  }

  private static func count(
    _ reason: String, in counters: inout [String: Counter], _ label: String, _ factory: any MetricsFactory
  ) {
    let counter = counters[reason] ?? Counter(label: label, dimensions: [("reason", reason)], factory: factory)
    counters[reason] = counter
    counter.increment()
  }

  func wokenLate() { late.increment() }

  func fileFailed() { fileFailures.increment() }

  func changed(to status: NodeStatus) { transitions[status]?.increment() }

  /// Brings the gauges up to date.
  mutating func update(_ registry: Registry, _ found: [ClusterView.Problem]) {
    for severity in Self.severities { problems[severity]?.record(found.count { $0.severity == severity }) }
    epoch.record(registry.leaderTracker.current?.epoch ?? 0)
    failovers.increment(by: registry.leaderTracker.failovers - (countedFailovers ?? registry.leaderTracker.failovers))
    countedFailovers = registry.leaderTracker.failovers
    var inState: [NodeStatus: Int] = [:]
    for (id, node) in registry.nodes {
      let status = node.detector.status
      inState[status, default: 0] += 1
      if status == .left { forget(id) } else { show(id, status) }
    }
    for (status, gauge) in counts { gauge.record(inState[status] ?? 0) }
    for id in nodes.keys where registry.nodes[id] == nil { forget(id) }
  }

  private mutating func show(_ id: String, _ status: NodeStatus) {
    if let known = nodes[id] {
      guard known.status != status else { return }
      known.state.destroy()
    }
    let node = OfNode(
      up: nodes[id]?.up ?? Gauge(label: "holdfast_node_up", dimensions: [("node", id)], factory: factory),
      state: Gauge(
        label: "holdfast_node_state", dimensions: [("node", id), ("state", status.rawValue)], factory: factory),
      status: status)
    node.up.record(status == .up || status == .suspect || status == .draining ? 1 : 0)
    node.state.record(1)
    nodes[id] = node
  }

  private mutating func forget(_ id: String) {
    guard let node = nodes.removeValue(forKey: id) else { return }
    node.up.destroy()
    node.state.destroy()
  }
}

extension AnnouncementRefusal {
  /// The kind, for metrics.
  fileprivate var label: String {
    switch self {
    case .invalid: "invalid"
    case .idTaken: "id-taken"
    case .tooMany: "too-many"
    case .unknownNode: "unknown-node"
    }
  }
}
