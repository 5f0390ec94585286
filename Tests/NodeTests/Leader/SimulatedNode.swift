import NIOCore
import RedisClient
import TestSupport

@testable import Node

/// A node of the simulation: its machine, its clock, its link to Redis, and the sweeper.
final class SimulatedNode {
  /// A request of a node to Redis.
  struct Request {
    var node: Int
    var life: Int
    var command: ModelRedis.Command
    var attempt: Int
    /// The time of sending by the node's clock.
    var sent: Int
    /// The time of sending by the world's clock.
    var sentAt: Int
    /// Epoch milliseconds by the node's estimate of Redis's clock.
    var notAfter: Int
    /// Whether it is sent once more if it came too late by Redis's clock.
    var mayRepeat = true
  }

  private static let origin = LeaseMachine.Instant.now
  /// The attempt number of sweeps, which are no attempts of the machine.
  private static let noAttempt = 0
  static let sweepInterval = 100_000
  private static let firstBackOff = 20_000
  private static let longestBackOff = 1_000_000

  let index: Int
  /// Microseconds of its clock in a millisecond of the world.
  let rate: Int
  /// Counts starts of the process. Events for an earlier process reach nobody.
  private(set) var life = 0
  private(set) var isRunning = false
  private(set) var isPaused = false
  /// Whether it stands for election. False after it has retired.
  private(set) var stands = false
  /// Whether nothing passes between it and Redis, without notice to either side.
  var isCut = false
  /// The ID of the connection that is up.
  private(set) var connection: Int?
  private(set) var term: LeaseMachine.Term?

  private unowned let world: LeaseSimulation
  private let attempt: Int
  private var machine: LeaseMachine
  private var redisClock = RedisClock()
  private var timer = Int.max
  private var nextSweep = Int.max
  private var lastAttempt = 0
  private var attemptsInSecond = (second: 0, count: 0)
  /// Events that came while the process stood still.
  private var missed: [() -> Void] = []
  private var termBeforePause: LeaseMachine.Term?

  init(index: Int, rate: Int, world: LeaseSimulation) {
    self.index = index
    self.rate = rate
    self.world = world
    attempt = Int(world.timing.attempt / .microseconds(1))
    machine = world.makeMachine(index)
  }

  /// The greatest epoch that it has heard of since its start.
  var greatestEpoch: Int64 { machine.greatestEpoch }

  // MARK: - Time

  /// The time of its clock in microseconds. It differs for each node.
  private var local: Int { world.now * rate / 1000 + index * 1_000_000_000 }

  private var instant: LeaseMachine.Instant { Self.origin.advanced(by: .microseconds(local)) }

  private func worldTime(of instant: LeaseMachine.Instant) -> Int {
    let (seconds, attoseconds) = (instant - Self.origin).components
    let local = Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000) + 1
    return ((local - index * 1_000_000_000) * 1000 + rate - 1) / rate
  }

  private func setAlarm() {
    // A timer is never early, and a little late.
    timer = machine.wakeUp.map { worldTime(of: $0) + (world.now & 0xFF) } ?? .max
    if world.mistake == .timersForgotten, timer & 0xF == 0 { timer = .max }
    world.setAlarm(of: index, at: isRunning && !isPaused ? min(timer, nextSweep) : .max)
  }

  func wake() {
    if nextSweep <= world.now { sweep() }
    if timer <= world.now { step { $0.tick(at: $1) } } else { setAlarm() }
  }

  // MARK: - Life

  func start() {
    life += 1
    (isRunning, isPaused, stands) = (true, false, true)
    machine = world.makeMachine(index)
    redisClock = RedisClock()
    term = nil
    nextSweep = .max
    world.note("n\(index) starts, clock rate \(rate)")
    connect(backOff: Self.firstBackOff)
    step { $0.start(at: $1) }
  }

  func kill() {
    world.note("n\(index) is killed")
    life += 1
    (isRunning, isPaused, stands) = (false, false, false)
    missed = []
    connection = nil
    setAlarm()
  }

  /// Retires as on SIGTERM, before the process ends.
  func retire() {
    world.note("n\(index) retires")
    stands = false
    if world.mistake != .standsThoughRetired { step { $0.retire(at: $1) } }
  }

  func standAgain() {
    world.note("n\(index) stands again")
    stands = true
    step { $0.start(at: $1) }
  }

  func pause() {
    world.note("n\(index) stops")
    isPaused = true
    termBeforePause = machine.term(at: instant)
    setAlarm()
  }

  /// Everything that was due meanwhile happens at once, in random order.
  func resume() {
    world.note("n\(index) goes on")
    isPaused = false
    // The stop came after the sweeper had checked that it leads, and before it sent the batch.
    if let termBeforePause { send(.sweep(termBeforePause), attempt: Self.noAttempt) }
    let missed = missed
    self.missed = []
    let isTimerFirst = world.random.oneIn(2)
    if isTimerFirst { wakeIfDue() }
    for event in missed { event() }
    if !isTimerFirst { wakeIfDue() }
    setAlarm()
  }

  private func wakeIfDue() {
    if min(timer, nextSweep) <= world.now { wake() }
  }

  /// Delivers an event to the process that it was meant for.
  func deliver(toLife life: Int, _ event: @escaping () -> Void) {
    guard isRunning, life == self.life else { return }
    if isPaused { missed.append(event) } else { event() }
  }

  // MARK: - The link

  private func connect(backOff: Int) {
    let life = life
    world.later(world.random.number(backOff / 2...backOff)) { [self] in
      deliver(toLife: life) { [self] in
        guard connection == nil else { return }
        guard let welcome = world.connect(self) else {
          return connect(backOff: min(backOff * 2, Self.longestBackOff))
        }
        connection = welcome.number
        redisClock.forget()
        observe(welcome.time)
        world.note("n\(index) has connection \(welcome.number)")
        step { $0.reconnected(at: $1) }
      }
    }
  }

  /// The node notices that its link is gone. Requests sent on it get no answers any more.
  func linkLost() {
    guard connection != nil else { return }
    world.note("n\(index) loses connection \(connection ?? 0)")
    connection = nil
    connect(backOff: Self.firstBackOff)
    step { [lastAttempt] in $0.failed(attempt: lastAttempt, at: $1) }
  }

  private func observe(_ time: Int) {
    redisClock.observe(Int64(time), at: .uptimeNanoseconds(UInt64(local * 1000)))
  }

  private func send(_ command: ModelRedis.Command, attempt: Int) {
    // The sweeper has a link of its own.
    guard connection != nil || attempt == Self.noAttempt else {
      let life = life
      return world.later(100) { [self] in
        deliver(toLife: life) { [self] in step { $0.failed(attempt: attempt, at: $1) } }
      }
    }
    var request = Request(
      node: index, life: life, command: command, attempt: attempt, sent: local, sentAt: world.now, notAfter: 0)
    if case .lookUp = command {} else { request.notAfter = notAfter(request) }
    world.transmit(request)
  }

  private func notAfter(_ request: Request) -> Int {
    guard let time = redisClock.time(at: .uptimeNanoseconds(UInt64(local * 1000))) else { return 0 }
    return Int(time) + (request.sent + attempt - local) / 1000
  }

  // MARK: - The machine

  private func step(_ event: (inout LeaseMachine, LeaseMachine.Instant) -> [LeaseMachine.Action]) {
    for action in event(&machine, instant) { perform(action) }
    setAlarm()
  }

  private func perform(_ action: LeaseMachine.Action) {
    switch action {
    case .acquire(let token, let replacing, let attempt):
      if !stands { world.promises.broken("n\(index) has retired and stands for election") }
      ask(
        .acquire(
          token: token, replacing: replacing, connection: connection ?? 0, epochSeen: Int(machine.greatestEpoch)),
        attempt)
    case .renew(let token, let attempt): ask(.renew(token: token, connection: connection ?? 0), attempt)
    case .release(let token, let attempt): ask(.release(token: token), attempt)
    case .lookUp(let connection, let attempt): ask(.lookUp(connection: Int(connection)), attempt)
    case .lead(let term, let opportunity):
      self.term = term
      world.leads(self, term, opportunity)
      nextSweep = world.now
    case .stepDown(let end):
      world.stepsDown(self, end)
      term = nil
      if world.mistake != .sweepsPastTheTerm { nextSweep = .max }
    }
  }

  private func ask(_ command: ModelRedis.Command, _ attempt: Int) {
    lastAttempt = attempt
    let second = local / 1_000_000
    if attemptsInSecond.second != second { attemptsInSecond = (second, 0) }
    attemptsInSecond.count += 1
    world.promises.asked(attemptsInSecond.count)
    send(command, attempt: attempt)
  }

  private func sweep() {
    let current = world.mistake == .sweepsPastTheTerm ? term : machine.term(at: instant)
    guard let current else {
      nextSweep = .max
      return
    }
    world.promises.acts(current, at: local)
    send(.sweep(current), attempt: Self.noAttempt)
    nextSweep = world.now + Self.sweepInterval
  }

  /// Takes an answer that Redis gave when its clock showed `time`.
  func receive(_ verdict: ModelRedis.Verdict, to request: Request, time: Int) {
    let attempt = world.mistake == .answersOfAnyAttempt ? lastAttempt : request.attempt
    if case .lookUp = request.command {} else { observe(time) }
    switch (request.command, verdict) {
    case (.acquire(let token, _, _, _), .acquired(let epoch, _)):
      world.promises.confirmed(token, sent: request.sent)
      step { $0.acquired(epoch: Int64(epoch), attempt: attempt, at: $1) }
    case (.acquire, .held(let holder, let remaining)):
      step { $0.refused(holder: holder, remaining: .milliseconds(max(0, remaining)), attempt: attempt, at: $1) }
    case (.renew(let token, _), .ok):
      world.promises.confirmed(token, sent: request.sent)
      step { $0.renewed(attempt: attempt, at: $1) }
    case (.renew, .lost): step { $0.lost(attempt: attempt, at: $1) }
    case (.release, .ok), (.release, .lost):
      step { machine, _ in
        machine.released(attempt: attempt)
        return []
      }
    case (.lookUp, .isPresent(let isPresent)):
      let isPresent = isPresent || world.mistake == .blindToAbsence
      step { $0.lookedUp(isPresent: isPresent, attempt: attempt, at: $1) }
    case (.sweep(let term), .fenced): step { $0.fenced(token: term.token, at: $1) }
    case (_, .late): late(request)
    default: break
    }
  }

  private func late(_ request: Request) {
    guard request.mayRepeat, local < request.sent + attempt, connection != nil else {
      return step { $0.failed(attempt: request.attempt, at: $1) }
    }
    var request = request
    request.mayRepeat = false
    request.notAfter = notAfter(request)
    world.transmit(request)
  }

  /// The node hears that a leader has released the lease.
  func noticed() {
    if world.mistake != .deafToReleases { step { $0.vacated(at: $1) } }
  }
}
