import NIOCore

/// The life of one link to Redis as a pure state machine: it takes events and returns the next action.
///
/// connect → handshake (AUTH, SELECT, role, scripts, clock) → up. After any failure it connects again, for ever. The
/// jittered back-off doubles from 20 ms to a bound. It starts again at 20 ms only when Redis has accepted a write, so
/// that a server that accepts the handshake and then refuses commands is not asked again and again.
struct LinkMachine {
  static let firstDelay = TimeAmount.milliseconds(20)
  /// When a new server is named, waiting links connect to it within this time, each at a random instant.
  static let moveSpread = TimeAmount.milliseconds(50)
  /// After a link is lost, commands wait this long for the next one instead of failing at once. A killed connection
  /// is back within milliseconds, so callers do not notice it.
  static let queueingGrace = TimeAmount.milliseconds(250)
  /// The same for the first link. A load balancer may send requests at once to a node that replaces a killed one.
  static let firstQueueingGrace = TimeAmount.seconds(1)
  /// A link that owes replies and has been silent this long takes no more commands. Its loss starts no new grace.
  static let silenceBeforeRefusing = TimeAmount.seconds(1)

  enum State: Equatable {
    case idle, connecting, handshaking, up
    /// The link takes no more commands. It is closed once all sent commands are answered.
    case leaving
    case waiting, stopped
  }

  enum Action: Equatable {
    case connect
    case handshake
    /// The link may be used: send the queued commands.
    case serve
    /// Close the link once all sent commands are answered, or after a short time.
    case leave
    /// Call ``retryDue()`` after this time. This replaces an earlier retry.
    case retry(after: TimeAmount)
    case close
    case nothing
  }

  enum Admission: Equatable {
    case send, queue, refuse
  }

  private let longestDelay: TimeAmount
  private(set) var state = State.idle
  /// Since when no link serves: since the last one fell silent or was lost, or since the start. Nil again after the
  /// first useful reply to a command on the next link. Being connected is not enough.
  private(set) var downSince: NIODeadline?
  /// Links that came up after the first one.
  private(set) var reconnects = 0
  private var queuesUntil = NIODeadline.uptimeNanoseconds(0)
  private var everUp = false
  private var failures = 0

  /// - Parameter longestDelay: the bound of the back-off.
  init(longestDelay: TimeAmount = .seconds(1)) {
    precondition(longestDelay >= Self.firstDelay, "the longest delay is shorter than the first one")
    self.longestDelay = longestDelay
  }

  mutating func start(at now: NIODeadline) -> Action {
    guard state == .idle else { return .nothing }
    state = .connecting
    downSince = now
    queuesUntil = now + Self.firstQueueingGrace
    return .connect
  }

  mutating func connected() -> Action {
    guard state == .connecting else { return .close }
    state = .handshaking
    return .handshake
  }

  mutating func handshakeCompleted() -> Action {
    guard state == .handshaking else { return .nothing }
    state = .up
    if everUp { reconnects += 1 }
    everUp = true
    return .serve
  }

  /// The link is up and has served, so further replies change nothing here.
  var isSettled: Bool { state == .up && downSince == nil }

  /// A command that was sent after the handshake has been answered.
  mutating func served() {
    guard state == .up else { return }
    downSince = nil
  }

  /// Redis has accepted a write on this link, so earlier problems are over.
  mutating func wrote() {
    guard state == .up else { return }
    failures = 0
  }

  /// The server must not be used any longer.
  mutating func left(at now: NIODeadline) -> Action {
    switch state {
    case .up:
      goDown(at: now, heard: now)
      state = .leaving
      return .leave
    case .handshaking: return .close
    case .idle, .connecting, .leaving, .waiting, .stopped: return .nothing
    }
  }

  /// The attempt failed or the link closed.
  ///
  /// - Parameters:
  ///   - heard: since when the link has not served: the start of its silence or of its refusals, else `now`.
  ///   - random: the source of the jitter.
  mutating func lost(
    at now: NIODeadline, heard: NIODeadline, using random: inout some RandomNumberGenerator
  ) -> Action {
    switch state {
    case .idle, .waiting, .stopped: return .nothing
    case .connecting, .handshaking, .up, .leaving: break
    }
    goDown(at: now, heard: heard)
    state = .waiting
    let ceiling = min(
      longestDelay.nanoseconds, Self.firstDelay.nanoseconds << Int64(min(failures, 10)))
    failures += 1
    // Half to all of the ceiling: retries are spread, and none comes at once.
    return .retry(after: .nanoseconds(Int64.random(in: ceiling / 2...ceiling, using: &random)))
  }

  /// Another server is to be used now. The failures of the last one say nothing about it.
  ///
  /// - Parameter isElsewhere: whether the current connection leads to a server other than the new one.
  mutating func serverMoved(
    at now: NIODeadline, isElsewhere: Bool, using random: inout some RandomNumberGenerator
  ) -> Action {
    switch state {
    case .waiting:
      failures = 0
      return .retry(after: .nanoseconds(Int64.random(in: 0...Self.moveSpread.nanoseconds, using: &random)))
    case .up, .handshaking: return isElsewhere ? left(at: now) : .nothing
    case .idle, .connecting, .leaving, .stopped: return .nothing
    }
  }

  mutating func retryDue() -> Action {
    guard state == .waiting else { return .nothing }
    state = .connecting
    return .connect
  }

  mutating func stop() -> Action {
    defer { state = .stopped }
    switch state {
    case .handshaking, .up, .leaving: return .close
    case .idle, .connecting, .waiting, .stopped: return .nothing
    }
  }

  /// What to do with a command that a caller sends now.
  func admission(at now: NIODeadline) -> Admission {
    switch state {
    case .up: return .send
    case .idle, .stopped: return .refuse
    case .connecting, .handshaking, .leaving, .waiting: return now < queuesUntil ? .queue : .refuse
    }
  }

  private mutating func goDown(at now: NIODeadline, heard: NIODeadline) {
    guard downSince == nil else { return }
    downSince = heard
    queuesUntil = (now - heard < Self.silenceBeforeRefusing ? now : heard) + Self.queueingGrace
  }
}
