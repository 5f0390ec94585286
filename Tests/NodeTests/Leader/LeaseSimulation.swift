import TestSupport

@testable import Node

/// Nodes that stand for election, a Redis, the network and faults, on one simulated clock.
///
/// Everything follows from the seed. Time is in microseconds of the world. Each node and Redis have their own clocks.
final class LeaseSimulation {
  /// How often messages suffer each fault: one in this many. Nil for none.
  struct Weather {
    var losses: Int?
    var doubles: Int?
    var delays: Int?
    var longestDelay = 0
  }

  let timing: LeaseTiming
  let mistake: LeaseMistake?
  var random: SeededRandom
  private(set) var now = 0
  var redis: ModelRedis
  var promises: LeasePromises
  var weather = Weather()
  private(set) var nodes: [SimulatedNode] = []
  /// Whether Redis is down.
  var isRedisDown = false
  /// Redis is up but does nothing until this time.
  var redisStallsUntil = 0
  /// The states of Redis before each of its last actions, with their times.
  var pasts: [(at: Int, redis: ModelRedis)] = []
  /// When the faults end. Delays caused by faults end by then too.
  var faultsEnd = 0
  /// Counts of what happened, which show whether a run proves anything.
  var tally = LeaseTally()
  /// The last sweep that took effect: its node, token and time.
  private(set) var lastSweep: (node: Int, token: String, at: Int)?
  /// When the last term began.
  private(set) var lastElection = 0
  /// Future events with their times, the soonest last. There are few at a time, so a search from the end is short.
  private var agenda: [() -> Void] = []
  private var times: [Int] = []
  /// When each node is to be woken.
  private var alarms: [Int] = []
  private var tokens = 0
  private var tokensOfTerms: Set<String> = []
  private let keepsTrace: Bool
  private var trace: [String] = []

  init(seed: UInt64, nodes rates: [Int], mistake: LeaseMistake? = nil, keepsTrace: Bool = false) {
    var timing = LeaseTiming()
    promises = LeasePromises(timing: timing)
    // The promises hold for the correct timing only.
    switch mistake {
    case .neverStepsDown: timing.margin = .seconds(-3600)
    case .noPauseBetweenTries: timing.retry = .zero
    case .takesAnyAbsence: timing.absence = .zero
    default: break
    }
    self.timing = timing
    self.mistake = mistake
    self.keepsTrace = keepsTrace
    random = SeededRandom(seed)
    redis = ModelRedis(ttl: timing.ttl, mistake: mistake)
    for (index, rate) in rates.enumerated() {
      alarms.append(.max)
      nodes.append(SimulatedNode(index: index, rate: rate, world: self))
    }
  }

  /// The clock rates of two to five nodes, in thousandths.
  static func rates(_ random: inout SeededRandom) -> [Int] {
    (0..<random.number(2...5)).map { _ in random.oneIn(2) ? 1000 : random.number(800...1200) }
  }

  func makeMachine(_ index: Int) -> LeaseMachine {
    LeaseMachine(timing: timing, random: SeededRandom(random.next())) { [unowned self] in
      tokens += 1
      return mistake == .oneTokenForAllTerms ? "n\(index)" : "n\(index)t\(tokens)"
    }
  }

  // MARK: - Time

  func later(_ delay: Int, _ event: @escaping () -> Void) {
    let time = now + delay
    var index = times.count
    while index > 0, times[index - 1] <= time { index -= 1 }
    times.insert(time, at: index)
    agenda.insert(event, at: index)
  }

  func setAlarm(of node: Int, at time: Int) { alarms[node] = time }

  /// Runs until `end` or until a promise is broken.
  func run(until end: Int) {
    while promises.breach == nil {
      var next = times.isEmpty ? Int.max : times[times.count - 1]
      var due = -1
      var node = 0
      while node < alarms.count {
        if alarms[node] < next { (next, due) = (alarms[node], node) }
        node += 1
      }
      guard next <= end else { break }
      now = max(now, next)
      if due >= 0 {
        nodes[due].wake()
      } else {
        times.removeLast()
        agenda.removeLast()()
      }
    }
    now = max(now, end)
  }

  func note(_ what: @autoclosure () -> String) {
    guard keepsTrace else { return }
    let millis = String(now / 1000)
    trace.append("\(String(repeating: " ", count: max(0, 6 - millis.count)))\(millis) ms  \(what())")
  }

  // MARK: - The network

  /// Carries a request to Redis and its reply back, with random faults.
  func transmit(_ request: SimulatedNode.Request) {
    guard passes(request.node) else { return note("lost: \(told(request))") }
    later(flight()) { [self] in arrived(request) }
    guard let doubles = weather.doubles, random.oneIn(doubles) else { return }
    later(flight()) { [self] in arrived(request) }
  }

  private func passes(_ node: Int) -> Bool {
    if nodes[node].isCut { return false }
    guard let losses = weather.losses else { return true }
    return !random.oneIn(losses)
  }

  private func flight() -> Int {
    var time = 100 + Int(random.next() & 0x1FF)
    if let delays = weather.delays, random.oneIn(delays) { time += random.number(0...weather.longestDelay) }
    return now < faultsEnd ? min(time, faultsEnd - now) : time
  }

  private func arrived(_ request: SimulatedNode.Request) {
    if isRedisDown { return note("lost: \(told(request))") }
    if redisStallsUntil > now { return later(redisStallsUntil - now) { [self] in arrived(request) } }
    let verdict = execute(request)
    let time = redis.clock(at: now)
    guard passes(request.node) else { return }
    answer(verdict, to: request, time: time)
    if let doubles = weather.doubles, random.oneIn(doubles) { answer(verdict, to: request, time: time) }
  }

  private func answer(_ verdict: ModelRedis.Verdict, to request: SimulatedNode.Request, time: Int) {
    let node = nodes[request.node]
    later(flight()) { [self] in
      node.deliver(toLife: request.life) {
        self.note("n\(request.node) hears of #\(request.attempt): \(verdict)")
        node.receive(verdict, to: request, time: time)
      }
    }
  }

  // MARK: - Redis

  private func execute(_ request: SimulatedNode.Request) -> ModelRedis.Verdict {
    let before = redis.lease(at: now)
    if pasts.count > 200 { pasts.removeFirst(100) }
    pasts.append((now, redis))
    let verdict = redis.execute(request.command, notAfter: request.notAfter, at: now)
    switch (request.command, verdict) {
    case (.acquire(let token, let predecessor, _, let epochSeen), .acquired(let epoch, true)):
      promises.began(
        token, epoch: epoch, clock: redis.clock(at: now), after: predecessor, lease: before, epochSeen: epochSeen)
      lastElection = now
    case (.renew(let token, _), .ok): promises.tookEffect(request.command, token: token, lease: before)
    case (.release(let token), .ok):
      promises.tookEffect(request.command, token: token, lease: before)
      tellRelease()
    case (.sweep(let term), .ok):
      promises.tookEffect(request.command, token: term.token, lease: before)
      tally.sweeps += 1
      lastSweep = (request.node, term.token, now)
    case (.sweep, .fenced): tally.fenced += 1
    default: break
    }
    switch verdict {
    case .late: tally.late += 1
    case .acquired, .ok:
      promises.tookEffect(request.command, after: now - request.sentAt, clockRate: nodes[request.node].rate)
    default: break
    }
    note("Redis: \(told(request)) → \(verdict)")
    return verdict
  }

  private func tellRelease() {
    for node in nodes where node.isRunning && passes(node.index) {
      let life = node.life
      later(flight()) { node.deliver(toLife: life) { node.noticed() } }
      guard let doubles = weather.doubles, random.oneIn(doubles) else { continue }
      later(flight()) { node.deliver(toLife: life) { node.noticed() } }
    }
  }

  /// Makes a new link for a node. Returns its number and Redis's time, or nil if Redis can't be reached.
  func connect(_ node: SimulatedNode) -> (number: Int, time: Int)? {
    guard passes(node.index), !isRedisDown, redisStallsUntil <= now else { return nil }
    return (redis.connect(others: random.number(0...3)), redis.clock(at: now))
  }

  // MARK: - What is seen

  /// The node whose term Redis has.
  var leader: SimulatedNode? {
    guard let token = redis.lease(at: now)?.token else { return nil }
    return nodes.first { $0.isRunning && $0.term?.token == token }
  }

  func leads(_ node: SimulatedNode, _ term: LeaseMachine.Term, _ opportunity: LeaseMachine.Opportunity) {
    note("n\(node.index) leads: \(term), \(opportunity)")
    if !tokensOfTerms.insert(term.token).inserted { promises.broken("\(term.token) is the token of two terms") }
    tally.opportunities[opportunity, default: 0] += 1
  }

  func stepsDown(_ node: SimulatedNode, _ end: LeaseMachine.EndOfTerm) {
    note("n\(node.index) steps down: \(end)")
    tally.ends[end, default: 0] += 1
  }

  private func told(_ request: SimulatedNode.Request) -> String {
    "n\(request.node) #\(request.attempt) \(request.command) of \(request.sentAt / 1000) ms"
  }

  /// The last events.
  var story: String {
    """
    Rates of the nodes' clocks: \(nodes.map { Double($0.rate) / 1000 }). What happened last:
    \(trace.suffix(80).joined(separator: "\n"))
    """
  }
}

/// Counts of events over all runs.
struct LeaseTally {
  var sweeps = 0
  var fenced = 0
  var late = 0
  var opportunities: [LeaseMachine.Opportunity: Int] = [:]
  var ends: [LeaseMachine.EndOfTerm: Int] = [:]

  mutating func add(_ other: LeaseTally) {
    sweeps += other.sweeps
    fenced += other.fenced
    late += other.late
    opportunities.merge(other.opportunities, uniquingKeysWith: +)
    ends.merge(other.ends, uniquingKeysWith: +)
  }
}
