import Common
import TestSupport
import Testing

@testable import Coordinator

/// A registry and its nodes in simulated time. Nodes die, stop, restart and are slow. The coordinator stops, learns of
/// events late and out of order, and restarts. After every event, promises are checked against what the simulation
/// knows.
struct SimulatedCluster {
  /// Which faults may happen.
  struct Weather {
    var nodesFail = true
    var answersAreLost = false
    var coordinatorStops = false
    var coordinatorRestarts = false
  }

  private struct SimulatedNode {
    enum Mode: CaseIterable { case serves, stopped, dead, lossy }

    var mode = Mode.serves
    /// Since when it has been in this condition.
    var since = Duration.zero
    var boot = 1
    /// The reported ends of probes. They count the failures that the promise is about.
    var newestAnswered = 0
    var held: [Int] = []
  }

  private enum Event {
    case round, weather, announcements
    case end(Probe, Result<HealthReport, ProbeFailure>, told: Duration?)
  }

  private static let tolerance = Duration.milliseconds(150)

  let weather: Weather
  let timing = FailureDetectorTiming()
  private var random: SeededRandom
  private var registry: Registry
  private var punctuality: Punctuality
  private var nodes: [String: SimulatedNode] = [:]
  private var events: [(at: Duration, event: Event)] = []
  private var now = Duration.zero
  /// The coordinator does nothing before this time.
  private var stoppedUntil = Duration.zero
  private var lastStop = Duration.zero
  private var restarted = Duration.zero
  /// The promises that were broken.
  private(set) var faults: Set<String> = []
  private(set) var downs = 0
  private(set) var suspicions = 0

  init(seed: UInt64, _ weather: Weather) {
    self.weather = weather
    random = SeededRandom(seed)
    registry = Registry(maxNodes: 10, random: { SeededRandom(seed) }, at: .start)
    punctuality = Punctuality(due: Moment.start.instant)
    for number in 1...3 { nodes["n\(number)"] = SimulatedNode() }
    events = [(.zero, .announcements), (.zero, .round), (.seconds(5), .weather)]
  }

  mutating func run(for duration: Duration) {
    while now < duration, let next = events.indices.min(by: { events[$0].at < events[$1].at }) {
      let (at, event) = events.remove(at: next)
      now = max(now, at)
      if now < stoppedUntil, Self.isCoordinators(event) {
        // When it continues, all missed events arrive at once, in any order.
        events.append((stoppedUntil + .microseconds(random.number(0...2000)), event))
        continue
      }
      handle(event)
      check()
    }
  }

  private static func isCoordinators(_ event: Event) -> Bool {
    switch event {
    case .round, .end, .announcements: true
    case .weather: false
    }
  }

  private mutating func handle(_ event: Event) {
    switch event {
    case .round: round()
    case .weather: changeWeather()
    case .announcements: announce()
    case .end(let probe, let result, let told?): take(probe, result, told)
    case .end(let probe, let result, nil): tell(probe, result)
    }
  }

  // MARK: - The coordinator

  private mutating func round() {
    let instant = Moment.at(now).instant
    _ = punctuality.begin(at: instant)
    for probe in registry.startProbes(due: instant + .milliseconds(5), at: instant) { ask(probe) }
    let next = min(registry.wakeUp ?? instant + .milliseconds(100), instant + .milliseconds(100))
    punctuality.end(nextDue: next)
    events.append((max(now, next - Moment.start.instant) + .microseconds(random.number(0...5000)), .round))
  }

  /// Reports the end of a probe. A probe that was answered while the coordinator was stopped may count as unanswered,
  /// because its limit is over too.
  private mutating func tell(_ probe: Probe, _ result: Result<HealthReport, ProbeFailure>) {
    var result = result
    if Moment.at(now).instant - probe.began > timing.timeout, random.oneIn(2) {
      result = .failure(.noAnswer(within: timing.timeout))
    }
    events.append((now + .milliseconds(random.number(0...30)), .end(probe, result, told: now)))
  }

  private mutating func take(_ probe: Probe, _ result: Result<HealthReport, ProbeFailure>, _ told: Duration) {
    let isHeld = punctuality.holds(
      began: probe.began, timeout: timing.timeout, told: Moment.at(told).instant, at: Moment.at(now).instant)
    let before = registry.nodes[probe.node]?.detector.status
    note(probe, result, isHeld)
    registry.ended(probe, with: result, took: .milliseconds(1), isHeld: isHeld, at: .at(now))
    let after = registry.nodes[probe.node]?.detector.status
    if before != .suspect, after == .suspect { suspicions += 1 }
    // A recovering node is not trusted yet: a single failure makes it DOWN again.
    guard before != .down, before != .recovering, after == .down else { return }
    downs += 1
    if nodes[probe.node]!.held.count < timing.fall { faults.insert("DOWN without failures held against it") }
  }

  /// Counts failures in a row, independently of the failure detector.
  private mutating func note(_ probe: Probe, _ result: Result<HealthReport, ProbeFailure>, _ isHeld: Bool) {
    let isItself = (try? result.get()).map { $0.bootId == registry.nodes[probe.node]?.bootID } ?? false
    if isItself {
      nodes[probe.node]!.newestAnswered = max(nodes[probe.node]!.newestAnswered, probe.number)
      nodes[probe.node]!.held.removeAll { $0 < probe.number }
    } else if isHeld, probe.number > nodes[probe.node]!.newestAnswered {
      nodes[probe.node]!.held.append(probe.number)
    }
  }

  private mutating func restart() {
    registry = Registry(maxNodes: 10, contents: registry.contents, at: .at(now))
    punctuality = Punctuality(due: Moment.at(now).instant)
    events.removeAll { if case .end = $0.event { true } else { false } }
    restarted = now
    for id in nodes.keys { (nodes[id]!.held, nodes[id]!.newestAnswered) = ([], 0) }
  }

  // MARK: - The nodes

  private mutating func ask(_ probe: Probe) {
    let node = nodes[probe.node]!
    var mode = node.mode
    if mode == .lossy || weather.answersAreLost { mode = random.oneIn(2) ? .stopped : .serves }
    let report = HealthReport.sample(id: probe.node, bootID: "b\(node.boot)")
    switch mode {
    case .serves, .lossy:
      events.append((now + .milliseconds(random.number(1...40)), .end(probe, .success(report), told: nil)))
    case .stopped:
      events.append((now + timing.timeout, .end(probe, .failure(.noAnswer(within: timing.timeout)), told: nil)))
    case .dead:
      events.append((now + .milliseconds(1), .end(probe, .failure(.noConnection("refused")), told: nil)))
    }
  }

  private mutating func announce() {
    for (id, node) in nodes.sorted(by: { $0.key < $1.key }) where node.mode == .serves || node.mode == .lossy {
      let announcement = Announcement.sample(id: id, bootID: "b\(node.boot)", url: "http://\(id):80")
      switch try? registry.announce(announcement, at: .at(now)) {
      case .taken(_, probe: false)?, nil: break
      case .taken(_, probe: true)?, .unproven?:
        if let probe = registry.startProbe(of: id, at: Moment.at(now).instant) { ask(probe) }
      }
    }
    events.append((now + .seconds(2), .announcements))
  }

  private mutating func changeWeather() {
    events.append((now + .milliseconds(random.number(500...15_000)), .weather))
    if weather.nodesFail { changeNode() }
    if weather.coordinatorStops {
      let stop = random.oneIn(3) ? random.number(10...900) : random.number(900...12_000)
      stoppedUntil = max(stoppedUntil, now + .milliseconds(stop))
      lastStop = stoppedUntil
    }
    if weather.coordinatorRestarts, random.oneIn(3) { restart() }
  }

  private mutating func changeNode() {
    let id = random.pick(nodes.keys.sorted())
    let mode = random.pick(SimulatedNode.Mode.allCases)
    guard nodes[id]!.mode != mode else { return }
    if nodes[id]!.mode == .dead { nodes[id]!.boot += 1 }
    (nodes[id]!.mode, nodes[id]!.since) = (mode, now)
  }

  // MARK: - What must hold

  private mutating func check() {
    for (id, node) in nodes {
      guard let status = registry.nodes[id]?.detector.status else { continue }
      // How long the node has not changed and the coordinator has watched without a gap.
      let quiet = now - max(node.since, lastStop, restarted)
      if quiet > .seconds(3), now >= stoppedUntil, node.mode != .lossy, !weather.answersAreLost {
        if status == .unknown { faults.insert("not judged within 3 s") }
      }
      switch node.mode {
      case .stopped, .dead:
        if quiet > timing.worstDetection + Self.tolerance, status != .down { faults.insert("not DOWN in time") }
      case .serves where !weather.answersAreLost:
        // The longest pause between probes, the most answers needed, and an announcement.
        let bound = timing.maxBackOff * 1.1 + timing.interval * (1.1 * Double(timing.maxRise)) + .seconds(2)
        if quiet > bound, status != .up { faults.insert("not UP again in time") }
      case .serves, .lossy: break
      }
    }
  }
}
