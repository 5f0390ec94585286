@testable import Node

/// The promises that hold in every run of the simulation. Remembers the first breach.
struct LeasePromises {
  /// How often a node may ask Redis in a second of its clock, without sweeps. Look-ups and failed tries may each come
  /// 20 times.
  private static let maxAttemptsPerSecond = 60

  private(set) var breach: String?
  private let timing: LeaseTiming
  /// The token of each epoch.
  private var tokens: [Int: String] = [:]
  private var highestEpoch = 0
  private var lastSweptEpoch = 0
  /// Whether Redis has lost the epoch's key since the last term began.
  private var epochIsLost = false
  /// Whether a replica has replaced the master since then. It may lack the last writes, so nobody may remember the last
  /// terms and their sweeps.
  private var hasFailedOver = false
  /// Whether Redis's clock was set back. After that, a not-after instant may be too late.
  private var clockWasSetBack = false
  /// When the last confirmed attempt of each token was sent, in microseconds of its node's clock.
  private var confirmed: [String: Int] = [:]

  init(timing: LeaseTiming) { self.timing = timing }

  mutating func broken(_ what: String) {
    if breach == nil { breach = what }
  }

  mutating func epochLost() { epochIsLost = true }
  mutating func clockSetBack() { clockWasSetBack = true }
  mutating func failedOver() { (hasFailedOver, lastSweptEpoch) = (true, 0) }

  /// Each term has its own epoch, higher than all that its node has seen. If nothing was lost, it is higher than all
  /// earlier ones. A term begins when there is no term, after the named one, or after one older than its node has seen.
  mutating func began(
    _ token: String, epoch: Int, clock: Int, after predecessor: LeaseMachine.Predecessor?, lease: ModelRedis.Record?,
    epochSeen: Int
  ) {
    if epoch <= epochSeen { broken("epoch \(epoch) follows \(epochSeen), which its node has seen") }
    if let lease, lease.epoch >= epochSeen {
      let isNamed = lease.token == predecessor?.token
      let isThere = predecessor?.connection.map { Int($0) == lease.connection } ?? true
      if !isNamed || !isThere { broken("\(token) follows \(lease), not \(predecessor.map { "\($0)" } ?? "nobody")") }
    }
    if epochIsLost && clock <= highestEpoch || hasFailedOver && epoch <= highestEpoch {
      // Neither the server nor the node knows the last epoch.
      (highestEpoch, lastSweptEpoch) = (0, 0)
      tokens = [:]
    }
    (epochIsLost, hasFailedOver) = (false, false)
    if let holder = tokens[epoch] { broken("epoch \(epoch) has two holders, \(holder) and \(token)") }
    if epoch <= highestEpoch { broken("epoch \(epoch) follows \(highestEpoch)") }
    tokens[epoch] = token
    highestEpoch = max(highestEpoch, epoch)
  }

  /// A command with this token took effect while Redis had this lease.
  mutating func tookEffect(_ command: ModelRedis.Command, token: String, lease: ModelRedis.Record?) {
    guard let lease, lease.token == token else {
      return broken("\(command) took effect while the lease was \(lease.map { "\($0)" } ?? "nobody's")")
    }
    guard case .sweep(let term) = command else { return }
    if lease.epoch < lastSweptEpoch { broken("sweeps of epoch \(lastSweptEpoch), then of \(term) took effect") }
    lastSweptEpoch = lease.epoch
  }

  /// A command took effect `delay` microseconds after it was sent.
  mutating func tookEffect(_ command: ModelRedis.Command, after delay: Int, clockRate: Int) {
    // A node with a fast clock estimates Redis's clock too high.
    guard !clockWasSetBack, clockRate <= 1000 else { return }
    let limit = Int(timing.attempt / .microseconds(1)) * 1000 / clockRate
    // Both clocks, Redis's and the node's, are known in whole milliseconds.
    if delay > limit + 2000 { broken("\(command) took effect after \(delay) µs") }
  }

  mutating func confirmed(_ token: String, sent: Int) {
    confirmed[token] = max(confirmed[token] ?? sent, sent)
  }

  /// A node acts as leader at `now` by its clock.
  mutating func acts(_ term: LeaseMachine.Term, at now: Int) {
    guard let sent = confirmed[term.token] else { return broken("\(term) was never confirmed") }
    let longest = Int((timing.ttl - timing.margin) / .microseconds(1))
    if now - sent > longest { broken("acts as leader \(now - sent) µs after the last confirmed renewal was sent") }
  }

  /// A node sent this many requests in one second of its clock.
  mutating func asked(_ times: Int) {
    if times > Self.maxAttemptsPerSecond { broken("asked Redis \(times) times in a second") }
  }
}
