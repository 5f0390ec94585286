import NIOCore

/// The life of one link to Redis as a pure state machine: events in, the one thing to do next out.
///
/// connect → handshake (AUTH, SELECT, role, scripts, clock) → up, and from any failure back to connect after a jittered
/// back-off that doubles from 20 ms to a bound, for ever. The back-off begins anew only when Redis has taken a write: a
/// server that greets and then refuses is not asked again and again.
struct LinkMachine {
  static let firstDelay = TimeAmount.milliseconds(20)
  /// Links that wait when a new server is named go there within this time, each at another instant.
  static let moveSpread = TimeAmount.milliseconds(50)
  /// For so long after a link is lost, commands wait for the next one instead of failing at once: a killed
  /// connection is back within milliseconds, and nobody need notice.
  static let queueingGrace = TimeAmount.milliseconds(250)
  /// The same for the first link: a node that has taken the place of a killed one is given requests at once by a load
  /// balancer that has not noticed the change.
  static let firstQueueingGrace = TimeAmount.seconds(1)
  /// A link that owes replies and has been silent for so long takes no further commands. Its loss begins no grace.
  static let silenceBeforeRefusing = TimeAmount.seconds(1)

  enum State: Equatable {
    case idle, connecting, handshaking, up
    /// The link takes no more commands, and is closed once what was sent is answered.
    case leaving
    case waiting, stopped
  }

  enum Action: Equatable {
    case connect
    case handshake
    /// The link may be used: send what has waited.
    case serve
    /// Close the link once what was sent is answered, or within a short time.
    case leave
    /// Call ``retryDue()`` after this time, and not at the time said before.
    case retry(after: TimeAmount)
    case close
    case nothing
  }

  enum Admission: Equatable {
    case send, queue, refuse
  }

  private let longestDelay: TimeAmount
  private(set) var state = State.idle
  /// Since when nothing was heard of a link that serves: the last reply of the one that was lost, or when the first
  /// was asked for. It ends with the first reply that the next link gives to a command; being connected is not enough.
  private(set) var downSince: NIODeadline?
  /// Links that came up after the first one.
  private(set) var reconnects = 0
  private var queuesUntil = NIODeadline.uptimeNanoseconds(0)
  private var everUp = false
  private var failures = 0

  /// - Parameter longestDelay: the bound of the back-off.
  init(longestDelay: TimeAmount = .seconds(1)) {
    precondition(longestDelay >= Self.firstDelay, "the back-off begins with less than it ends with")
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

  /// It is up and has served: nothing need be told of further replies.
  var isSettled: Bool { state == .up && downSince == nil }

  /// A command that was sent after the handshake has been answered.
  mutating func served() {
    guard state == .up else { return }
    downSince = nil
  }

  /// Redis has taken a write on this link: whatever was wrong before is over.
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
  ///   - heard: when the last reply that was due came, or the first that never came was asked for.
  ///   - random: gives the jitter.
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
    // Between half and the whole: spread, but never at once.
    return .retry(after: .nanoseconds(Int64.random(in: ceiling / 2...ceiling, using: &random)))
  }

  /// Another server is the one to use: what made the last tries fail says nothing of it.
  ///
  /// - Parameter isElsewhere: whether the link that there is leads to another server.
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

  /// What becomes of a command that is asked for now.
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
