import Common
import Foundation

@testable import Coordinator

/// Clusters in states that operators see, all at one fixed instant.
enum Scenes {
  static let now: Int64 = 1_795_336_992_123  // 2026-11-22T08:43:12.123Z

  static func ago(seconds: Int64) -> String { RFC3339.string(epochMilliseconds: now - seconds * 1000) }

  static let all: [String: ClusterView] = [
    "all-up": allUp, "node-down": nodeDown, "leader-changed": leaderChanged, "just-started": justStarted,
    "hostile": hostile, "sixty-nodes": sixtyNodes, "empty": empty,
    "redis-down": redisDown, "store-damaged": storeDamaged, "node-gone": nodeGone,
  ]

  static func of(_ name: String) -> ClusterView {
    guard let scene = all[name] else { preconditionFailure("no scene \(name)") }
    return scene
  }

  static var allUp: ClusterView {
    cluster([node("node-1", leads: true), node("node-2"), node("node-3")])
  }

  static var nodeDown: ClusterView {
    var view = cluster([node("node-1", leads: true), downNode("node-2"), node("node-3")])
    view.healthy = false
    view.summary = "node-2 is down: connection refused (3 probes in a row failed)"
    view.problems = [
      .init(
        severity: .critical, kind: "node-down",
        text: "node-2 is down: connection refused (3 probes in a row failed)", since: ago(seconds: 42), node: "node-2")
    ]
    view.totals.up = 2
    view.totals.ready = 2
    view.transitions.insert(
      contentsOf: [
        .init(
          at: ago(seconds: 42), subject: "node-2", from: "SUSPECT", to: "DOWN",
          reason: "connection refused, 3 probes in a row"),
        .init(at: ago(seconds: 43), subject: "node-2", from: "UP", to: "SUSPECT", reason: "connection refused"),
      ], at: 0)
    return view
  }

  /// Every node answers, but none can sell.
  static var redisDown: ClusterView {
    var view = cluster(
      (1...3).map { number in
        var node = node("node-\(number)")
        (node.ready, node.reason) = (false, "answered the first probe")
        node.health?.state = .degraded
        node.health?.reasons = ["no link to Redis: connection refused"]
        node.health?.redis.connected = false
        return node
      })
    view.healthy = false
    view.leader = nil
    view.totals.ready = 0
    view.problems = [
      .init(
        severity: .critical, kind: "shop-cannot-sell",
        text: "The shop cannot sell: no link to Redis: connection refused", since: ago(seconds: 77)),
      .init(
        severity: .critical, kind: "no-leader", text: "No node leads: expired holds are not released",
        since: ago(seconds: 74)),
    ]
    view.summary = "\(view.problems[0].text); and 1 more problem"
    return view
  }

  /// The shop still sells everything except what is damaged.
  static var storeDamaged: ClusterView {
    var view = allUp
    view.healthy = false
    view.totals.overdueHolds = 1200
    view.totals.oldestOverdueMs = 61_000
    view.store.damaged = 12
    view.store.damage = [
      "SKU shoe: its total is no whole number (\"1e3\")", "hold 5kQ2: its deadline is missing",
      "key events is a string",
    ]
    view.store.warnings = ["appendfsync is no: a power cut can lose the last 30 seconds"]
    view.store.clockOffsetMs = -7300
    view.store.loss = .init(
      seenIdentity: "st-4f1c", seenMark: now - 45_000, foundIdentity: "st-4f1c", foundMark: now - 7_200_000,
      since: ago(seconds: 40))
    view.problems = [
      .init(
        severity: .critical, kind: "overdue-holds", text: "1200 holds overdue, the oldest by 61000 ms",
        since: ago(seconds: 60)),
      .init(
        severity: .warning, kind: "node-id-taken",
        text: "Another process announces itself as node-2, from http://10.0.0.66:8080 (boot id b9), and is not watched",
        since: ago(seconds: 30), node: "node-2"),
    ]
    view.nodes[1].rivals = [.init(bootId: "b9", url: "http://10.0.0.66:8080", since: ago(seconds: 30))]
    view.nodes[2].health?.redis.faults = ["Redis takes no writes: MISCONF: the shop cannot sell"]
    view.nodes[2].health?.store = .init(
      identity: "st-4f1c", mark: now - 7_200_000, loss: view.store.loss, damaged: 12, damage: view.store.damage)
    view.summary = "\(view.problems[0].text); and 1 more problem"
    return view
  }

  /// One node is DOWN, one has left and one drains. Only the last one is ready.
  static var nodeGone: ClusterView {
    var view = nodeDown
    view.nodes[2].state = .left
    view.nodes[2].ready = false
    return view
  }

  static var leaderChanged: ClusterView {
    var view = cluster([
      node("node-1"), node("node-2", leads: true, epoch: 13), node("node-3", follows: "node-2", epoch: 13),
    ])
    view.nodes[0].health?.lease.holder = "node-2"
    view.nodes[0].health?.lease.epoch = 13
    view.leader = .init(id: "node-2", epoch: 13, since: ago(seconds: 8), termAgeSeconds: 8)
    view.failovers = 1
    view.transitions.insert(
      .init(
        at: ago(seconds: 8), subject: "cluster", from: "node-1, epoch 12", to: "node-2, epoch 13",
        reason: "node-2 took the lease"), at: 0)
    return view
  }

  static var justStarted: ClusterView {
    var view = cluster(
      ["node-1", "node-2", "node-3"].map { id in
        var node = node(id)
        (node.state, node.since, node.reason) = (
          .unknown, ago(seconds: 1), "not asked yet since the coordinator started"
        )
        (node.ready, node.health, node.announcedAgoMs) = (false, nil, nil)
        node.probe = .init(failuresInARow: 0, intervalMs: 1000, total: 0, failed: 0)
        (node.probeTimes, node.rates) = ([], [])
        return node
      })
    view.healthy = false
    view.summary = "node-1, node-2 and node-3 have not been judged yet"
    view.problems = [.init(severity: .warning, kind: "not-judged", text: view.summary, since: ago(seconds: 1))]
    view.leader = nil
    view.totals = .init(nodes: 3, up: 0, ready: 0, ratePerSecond: 0, errorsPerSecond: 0, rates: [], overdue: [])
    view.invariants = view.invariants.map { .init(name: $0.name, holds: nil, detail: "no node has been reached yet") }
    view.coordinator.uptimeSeconds = 1
    return view
  }

  static var empty: ClusterView {
    var view = justStarted
    (view.nodes, view.transitions, view.totals.nodes) = ([], [], 0)
    view.summary = "No node has announced itself"
    view.problems = [.init(severity: .critical, kind: "no-nodes", text: view.summary, since: ago(seconds: 1))]
    return view
  }

  static var sixtyNodes: ClusterView {
    var view = cluster((1...60).map { node("node-\($0)", leads: $0 == 1) })
    for (index, state) in [(6, ClusterView.Node.State.suspect), (11, .draining), (22, .recovering), (57, .left)] {
      view.nodes[index].state = state
      view.nodes[index].reason = "is \(state.rawValue.lowercased()) for this test"
    }
    view.nodes[40] = downNode("node-41")
    view.nodes[11].wanted = "drain"
    view.healthy = false
    view.summary = "node-41 is down: timed out; and 1 more problem"
    view.problems = [
      .init(
        severity: .critical, kind: "node-down", text: "node-41 is down: timed out", since: ago(seconds: 42),
        node: "node-41"),
      .init(
        severity: .warning, kind: "node-suspect", text: "node-7 did not answer the last probe", since: ago(seconds: 1),
        node: "node-7"),
    ]
    view.transitions += (1...80).map {
      .init(
        at: ago(seconds: 4000 + Int64($0) * 977), subject: "node-\($0 % 60 + 1)", from: "UNKNOWN", to: "UP",
        reason: "answered")
    }
    return view
  }
}

extension Scenes {
  /// Text that a hostile node might send to attack viewers.
  static let script = "<script>window.harmed = 1</script>"
  static let texts = [
    script, "\"><img src=x onerror=window.harmed=2>", "' onmouseover='window.harmed=3' x='", "</title><h1>harmed</h1>",
    // One Swift character may be several characters to a browser, so escaping must not go by Swift characters.
    "\u{0600}<script>window.harmed = 4</script>", "\"\u{0301} autofocus onfocus=window.harmed=5 x=\"",
    "<\u{200D}b>harmed</b>",
    "{{title}} {{{headline}}}", "\u{202E}detrever\u{2066} \u{0007}\u{0000}\n\r\ndata: x\n\nevent: picture\n\n",
    String(repeating: "long ", count: 2000), "z" + String(repeating: "\u{0336}\u{0489}", count: 200),
    "javascript:window.harmed=6", "--><!--", "]]>", "\u{FEFF}\u{2028}\u{2029}",
  ]

  static var hostile: ClusterView {
    var view = cluster(
      texts.enumerated().map { index, text in
        var node = node(index == 0 ? script : index == 9 ? text : "n\(index)\(text)")
        (node.bootId, node.url, node.version, node.reason, node.wanted) = (text, text, text, text, text)
        node.probe.lastFailure = text
        node.since = text
        node.health?.reasons = [text]
        node.health?.redis.warnings = [text]
        node.health?.redis.faults = [text]
        node.health?.redis.version = text
        node.health?.store = .init(
          identity: text, mark: .max,
          loss: .init(seenIdentity: text, seenMark: .min, foundIdentity: text, foundMark: nil, since: text),
          damaged: .max,
          damage: [text])
        node.rivals = [.init(bootId: text, url: text, since: text)]
        node.health?.lease.holder = text
        node.health?.lease.since = text
        node.health?.uptimeSeconds = .max
        node.health?.requests.ratePerSecond = 1e300
        node.health?.requests.total = .max
        node.health?.redis.usedBytes = .min
        node.health?.sweeper.lastBatch?.agoMs = .min
        node.probeTimes = [1e308, nil, -1e308]
        return node
      })
    view.nodes[1].state = .down
    view.store = .init(
      view.nodes.compactMap(\.health), StoreMemory(),
      loss: .init(seenIdentity: script, seenMark: .max, foundIdentity: script, foundMark: .min, since: script))
    view.healthy = false
    view.summary = "problems: " + texts.joined()
    view.problems = texts.map { .init(severity: .warning, kind: $0, text: $0, since: $0, node: script) }
    view.leader?.id = texts[1]
    view.transitions = texts.map { .init(at: ago(seconds: 5), subject: $0, from: $0, to: $0, reason: $0) }
    view.invariants = texts.map { .init(name: $0, holds: false, detail: $0) }
    view.checks = texts
    return view
  }
}

// MARK: - Parts

extension Scenes {
  /// Values that look like measurements.
  private static func wave(_ index: Int, around middle: Double, by height: Double) -> Double {
    let noise = Double(index * 7919 % 37) / 37 - 0.5
    return middle + height * (sin(Double(index) / 5) + noise)
  }

  static func cluster(_ nodes: [ClusterView.Node]) -> ClusterView {
    let rates = (0..<60).map { wave($0, around: 1180, by: 140) }
    let overdue = (0..<60).map { $0 % 9 == 0 ? 3 : 0 }
    return ClusterView(
      at: ago(seconds: 0), healthy: true, summary: "All is well: \(nodes.count) of \(nodes.count) nodes are up",
      problems: [],
      leader: .init(id: "node-1", epoch: 12, since: ago(seconds: 11_530), termAgeSeconds: 11_530), failovers: 0,
      totals: .init(
        nodes: nodes.count, up: nodes.count, ready: nodes.count, ratePerSecond: 1204.2, errorsPerSecond: 0,
        overdueHolds: 0, oldestOverdueMs: nil, rates: rates,
        overdue: overdue),
      store: .init(
        version: "7.0.15", identity: "st-4f1c", mark: RFC3339.string(epochMilliseconds: now - 300),
        usedBytes: 48_123_904, limitBytes: 1 << 30, clockOffsetMs: 3),
      invariants: [
        .init(name: "one leader", holds: true, detail: "every node that is reached sees node-1 in epoch 12"),
        .init(name: "epochs rise", holds: true, detail: "no leader's epoch was seen to fall"),
        .init(name: "one version", holds: true, detail: "all nodes run \(Version.text)"),
        .init(name: "holds are swept", holds: true, detail: "the oldest overdue hold is younger than 5 s"),
      ],
      nodes: nodes,
      transitions: [
        .init(
          at: ago(seconds: 11_530), subject: "cluster", from: "no leader", to: "node-1, epoch 12",
          reason: "node-1 took the lease"),
        .init(
          at: ago(seconds: 11_532), subject: "node-3", from: "UNKNOWN", to: "UP", reason: "answered the first probe"),
        .init(
          at: ago(seconds: 11_532), subject: "node-2", from: "UNKNOWN", to: "UP", reason: "answered the first probe"),
        .init(
          at: ago(seconds: 11_532), subject: "node-1", from: "UNKNOWN", to: "UP", reason: "answered the first probe"),
      ],
      checks: [
        "Each node is asked for /health every 1 s (±10 %), with 250 ms to connect and 500 ms in all.",
        "Three failures make a node DOWN; while it is SUSPECT it is asked every 250 ms.",
        "An answer counts only if it carries the id and boot id that the node announced.",
      ],
      coordinator: .init(version: Version.text, uptimeSeconds: 11_534, lateRounds: 0))
  }

  static func node(_ id: String, leads: Bool = false, follows: String = "node-1", epoch: Int64 = 12) -> ClusterView.Node
  {
    let seed = id.utf8.reduce(0) { ($0 * 31 + Int($1)) % 997 }
    var times = (0..<60).map { wave($0 + seed, around: 1, by: 0.3) }
    times[37] += 6
    let rates = (0..<60).map { wave($0 + seed, around: 390, by: 60) }
    return ClusterView.Node(
      id: id, bootId: "b7e1c0de-\(1000 + seed)", url: "http://10.0.0.\(seed % 250):8080", version: Version.text,
      state: .up,
      since: ago(seconds: 11_532), reason: "answers, is ready", wanted: "serve", ready: true,
      probe: .init(
        lastAgoMs: 412, lastMs: times[59], failuresInARow: 0, intervalMs: 1000, total: 11_530, failed: 0),
      announcedAgoMs: 1210, health: health(id, leads: leads, follows: follows, epoch: epoch),
      probeTimes: times, rates: rates)
  }

  static func downNode(_ id: String) -> ClusterView.Node {
    var node = node(id)
    (node.state, node.since, node.ready) = (.down, ago(seconds: 42), false)
    node.reason = "connection refused: 9 probes in a row failed"
    node.probe = .init(
      lastAgoMs: 2100, lastMs: nil, lastFailure: "connection refused", failuresInARow: 9, intervalMs: 5000,
      total: 11_530,
      failed: 9)
    for index in 18..<60 { (node.probeTimes[index], node.rates[index]) = (nil, nil) }
    return node
  }

  static func health(_ id: String, leads: Bool, follows: String, epoch: Int64) -> HealthReport {
    HealthReport(
      nodeId: id, bootId: "b", version: Version.text, uptimeSeconds: 11_533, state: .serving, reasons: [],
      redis: .init(
        connected: true, version: "7.0.15", roundTripMs: 0.214, pending: 3, reconnects: 0, usedBytes: 48_123_904,
        limitBytes: 1 << 30, warnings: [], clockOffsetMs: 1),
      store: .init(identity: "9c1f0a77d02b4c6e8a5d3f2b71e0c4d8", mark: 1_795_337_100_000),
      lease: .init(
        leader: leads, epoch: epoch, holder: leads ? id : follows, since: ago(seconds: 11_530), remainingMs: 2412,
        termsWon: leads ? 1 : 0, termsLost: 0, renewMs: leads ? 0.31 : nil),
      sweeper: .init(
        backlog: leads ? 0 : nil, oldestOverdueMs: nil,
        lastBatch: leads ? .init(agoMs: 220, holds: 14, tookMs: 0.8) : nil,
        releasedTotal: leads ? 83_211 : 0, trimmedTotal: 120, fencedAttempts: 0),
      requests: .init(inFlight: 4, ratePerSecond: 401.4, errorsPerSecond: 0, total: 4_629_114, errors: 2))
  }
}
