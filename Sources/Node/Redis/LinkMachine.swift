import NIOCore

/// The life of one link to Redis as a pure state machine: events in, the one thing to do next out.
///
/// connect → handshake (AUTH, SELECT, clock, scripts) → up, and from any failure back to connect after a jittered
/// back-off that doubles from 20 ms to 1 s, for ever.
struct LinkMachine {
  static let firstDelay = TimeAmount.milliseconds(20)
  static let longestDelay = TimeAmount.seconds(1)
  /// For so long after a link is lost, commands wait for the next one instead of failing at once: a killed
  /// connection is back within milliseconds, and nobody need notice.
  static let queueingGrace = TimeAmount.milliseconds(250)
  /// The same for the first link: a node that has taken the place of a killed one is given requests at once by a load
  /// balancer that has not noticed the change.
  static let firstQueueingGrace = TimeAmount.seconds(1)

  enum State: Equatable {
    case idle, connecting, handshaking, up, waiting, stopped
  }

  enum Action: Equatable {
    case connect
    case handshake
    /// The link serves: send what has waited.
    case serve
    /// Call ``retryDue()`` after this time.
    case retry(after: TimeAmount)
    case close
    case nothing
  }

  enum Admission: Equatable {
    case send, queue, refuse
  }

  private(set) var state = State.idle
  /// When the link was last lost, or first asked for; nil while it is up.
  private(set) var downSince: NIODeadline?
  /// Links that came up after the first one.
  private(set) var reconnects = 0
  private var everUp = false
  private var failures = 0

  mutating func start(at now: NIODeadline) -> Action {
    guard state == .idle else { return .nothing }
    state = .connecting
    downSince = now
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
    downSince = nil
    failures = 0
    if everUp { reconnects += 1 }
    everUp = true
    return .serve
  }

  /// The attempt failed or the link closed. `random` gives the jitter.
  mutating func lost(at now: NIODeadline, using random: inout some RandomNumberGenerator) -> Action {
    switch state {
    case .idle, .waiting, .stopped: return .nothing
    case .connecting, .handshaking, .up: break
    }
    if downSince == nil { downSince = now }
    state = .waiting
    let ceiling = min(
      Self.longestDelay.nanoseconds, Self.firstDelay.nanoseconds << Int64(min(failures, 10)))
    failures += 1
    // Between half and the whole: spread, but never at once.
    return .retry(after: .nanoseconds(Int64.random(in: ceiling / 2...ceiling, using: &random)))
  }

  mutating func retryDue() -> Action {
    guard state == .waiting else { return .nothing }
    state = .connecting
    return .connect
  }

  mutating func stop() -> Action {
    defer { state = .stopped }
    switch state {
    case .handshaking, .up: return .close
    case .idle, .connecting, .waiting, .stopped: return .nothing
    }
  }

  /// What becomes of a command that is asked for now.
  func admission(at now: NIODeadline) -> Admission {
    switch state {
    case .up: return .send
    case .idle, .stopped: return .refuse
    case .connecting, .handshaking, .waiting:
      guard let downSince else { return .refuse }
      return now - downSince < (everUp ? Self.queueingGrace : Self.firstQueueingGrace) ? .queue : .refuse
    }
  }
}
