import Common
import DequeModule
import NIOCore
import NIOHTTP1

/// The state of one client connection: what comes in goes in here, and what is to be done comes out.
///
/// It takes requests in and has them answered in their order, one at a time. Requests of a client that pipelines wait
/// here. It does no I/O and reads no clock: ``HTTPConnection`` acts for it. An event that seldom needs the time asks
/// for it only then.
struct ConnectionMachine {
  /// An incomplete request is given up after this, and so is a client that does not read its answer.
  static let requestLimit = TimeAmount.seconds(10)
  /// A connection without a request is closed after this.
  static let idleLimit = TimeAmount.seconds(75)
  /// A refusal may come before its request has ended. What the client still sends is then read and dropped, for so long
  /// and so far. Closed with bytes unread, the connection would be reset, and the client never see the answer.
  static let lingerLimit = TimeAmount.seconds(1)
  static let maxLingerBytes = 1 << 20
  /// So many requests are taken in before other connections have their turn: one that pipelines thousands must not
  /// keep them waiting.
  static let maxRequestsPerTurn = 16

  /// A request, from its head to its answer.
  struct Exchange {
    var head: ValidatedHead
    var requestID: String
    /// Its refusal is to come late: its address has sent too many wrong tokens.
    var isHeldBack = false
    fileprivate(set) var body = ByteBuffer()
    fileprivate(set) var bodyBytes = 0
    /// When its first byte came.
    fileprivate(set) var began: NIODeadline

    init(head: ValidatedHead, requestID: String, isHeldBack: Bool = false) {
      (self.head, self.requestID, self.isHeldBack) = (head, requestID, isHeldBack)
      began = .distantPast
    }
  }

  /// What is to be done now.
  enum Action {
    case nothing
    /// Tell the client to send the body: it waits for that (RFC 9110, 10.1.1).
    case askForBody
    /// The request is whole: find its answer, and tell ``answered(_:isDraining:at:)``.
    case answer(Exchange)
    /// Write this answer to a request that has not ended, or to none. Then close our side: nothing else is served here.
    case refuse(Exchange?, Response)
    /// Close as soon as what was written has left.
    case closeWhenWritten
    case close
  }

  /// How an answer leaves.
  enum Delivery {
    /// The connection has ended, or been given up: there is nobody to answer.
    case none
    /// Tell ``written(isWritable:at:)`` then.
    case andGoOn
    case andClose
  }

  private enum Phase {
    /// Between requests; `since` is when the last one ended.
    case idle(since: NIODeadline)
    case receiving(Exchange)
    case answering
    /// Answered; the client has not read enough of it yet to be given more.
    case flushing(since: NIODeadline)
    /// Answered for the last time; waiting for the client to close.
    case lingering(until: NIODeadline, bytesLeft: Int)
    /// Nothing more is taken in; to be closed as soon as what was written has left.
    case closing(since: NIODeadline)
    case closed
  }

  private var phase: Phase
  /// Parts of further requests.
  private var backlog = Deque<HTTPServerRequestPart>()
  /// Requests begun in this turn of the event loop.
  private var begunInTurn = 0
  /// A request waits for the next turn of the event loop: call ``turnBegan()`` then.
  private(set) var awaitsTurn = false
  private var readIsWithheld = false
  /// The client sends no more, or nothing that can be read.
  private var inputHasEnded = false
  /// The node is to close as soon as nothing is in hand.
  private var isQuiescing = false
  /// When the first bytes of a request came whose head is not whole yet.
  private var headBegan: NIODeadline?
  private var sawPart = false

  /// The connection is open.
  init(at now: NIODeadline) { phase = .idle(since: now) }

  // MARK: - Whose turn it is

  /// A part has come. Whether it is to be taken in now; if not, it waits.
  mutating func receive(_ part: HTTPServerRequestPart) -> Bool {
    sawPart = true
    if backlog.isEmpty, isTurn(of: part) { return true }
    backlog.append(part)
    return false
  }

  /// The next part that has waited, if it is to be taken in now.
  mutating func nextWaiting() -> HTTPServerRequestPart? {
    guard let part = backlog.first, isTurn(of: part) else { return nil }
    return backlog.removeFirst()
  }

  private mutating func isTurn(of part: HTTPServerRequestPart) -> Bool {
    switch phase {
    case .answering, .flushing: return false
    case .idle, .receiving, .lingering, .closing, .closed: break
    }
    guard case .head = part, begunInTurn >= Self.maxRequestsPerTurn else { return true }
    awaitsTurn = true
    return false
  }

  /// The next turn of the event loop has begun, as ``awaitsTurn`` asks.
  mutating func turnBegan() {
    awaitsTurn = false
    begunInTurn = 0
  }

  /// All that the socket held has come.
  mutating func readComplete(at now: @autoclosure () -> NIODeadline) {
    // Bytes that made no part: the beginning of a head.
    if !sawPart, case .idle = phase, headBegan == nil { headBegan = now() }
    sawPart = false
    if !awaitsTurn { begunInTurn = 0 }
  }

  /// Whether the socket may be read. So a client can't make the node hold more than a socket buffer of its requests.
  mutating func mayRead() -> Bool {
    readIsWithheld = !backlog.isEmpty
    return !readIsWithheld
  }

  /// Whether a read was withheld, and is to be made now.
  mutating func takeWithheldRead() -> Bool {
    guard backlog.isEmpty, readIsWithheld else { return false }
    readIsWithheld = false
    return true
  }

  // MARK: - Taking a request in

  /// Whether a head is of use now; if so, ``begin(_:at:)`` follows.
  var expectsHead: Bool { if case .idle = phase { true } else { false } }

  /// A head has been taken in and judged.
  mutating func begin(_ exchange: Exchange, at now: NIODeadline) -> Action {
    assert(expectsHead, "the decoder ends each request before it begins another")
    var exchange = exchange
    exchange.began = headBegan ?? now
    headBegan = nil
    begunInTurn += 1
    assert(begunInTurn <= Self.maxRequestsPerTurn, "a further head waits for the next turn")
    phase = .receiving(exchange)
    switch exchange.head.decision {
    case .refused(let refusal, .atOnce): return refuse(refusal, at: now)
    case .refused(let refusal, .afterBody) where exchange.head.expectsContinue: return refuse(refusal, at: now)
    case .refused, .admitted: return exchange.head.expectsContinue ? .askForBody : .nothing
    }
  }

  /// A part of the body has been taken in.
  mutating func take(_ bytes: ByteBuffer, at now: @autoclosure () -> NIODeadline) -> Action {
    switch phase {
    case .lingering(let until, let left):
      phase = .lingering(until: until, bytesLeft: left - bytes.readableBytes)
      return left < bytes.readableBytes ? .close : .nothing
    case .receiving(var exchange):
      // Else the body would be held twice, and so be copied.
      phase = .answering
      let isWanted = exchange.take(bytes)
      phase = .receiving(exchange)
      return isWanted ? .nothing : refuse(exchange.head.refusal ?? .problem(.payloadTooLarge), at: now())
    case .idle, .answering, .flushing, .closing, .closed: return .nothing
    }
  }

  /// A request has ended.
  mutating func end() -> Action {
    switch phase {
    case .lingering: return .close
    case .receiving(let exchange):
      assert(exchange.bodyBytes <= HTTPLimits.maxBodyBytes, "a larger body was refused before its end")
      phase = .answering
      return .answer(exchange)
    case .idle, .answering, .flushing, .closing, .closed: return .nothing
    }
  }

  // MARK: - Answering

  /// The answer to a request that was given out by ``Action/answer(_:)`` is there.
  mutating func answered(_ exchange: Exchange, isDraining: Bool, at now: NIODeadline) -> Delivery {
    guard case .answering = phase else { return .none }
    guard exchange.head.keepsAlive, !isDraining, !(inputHasEnded && backlog.isEmpty) else {
      phase = .closing(since: now)
      return .andClose
    }
    return .andGoOn
  }

  /// The socket was given an answer after which the connection goes on.
  ///
  /// - Parameter isWritable: whether the socket takes more. A client that asks and does not read must not make us keep
  ///   its answers.
  mutating func written(isWritable: Bool, at now: NIODeadline) {
    guard case .answering = phase else { return }
    phase = isWritable ? .idle(since: now) : .flushing(since: now)
  }

  /// The socket takes more again: what has waited may be taken in.
  mutating func becameWritable(at now: NIODeadline) {
    if case .flushing = phase { phase = .idle(since: now) }
  }

  // MARK: - Ending

  /// There is no room for the connection.
  mutating func turnAway(at now: NIODeadline) -> Action {
    refuse(.problem(Problem(.overloaded, "Too many connections.", retryAfter: 1)), at: now)
  }

  /// What the client sends is no HTTP.
  mutating func receivedGarbage(_ refusal: Response, at now: NIODeadline) -> Action {
    guard backlog.isEmpty else {
      // The requests before it are still owed their answers.
      inputHasEnded = true
      return .nothing
    }
    return refuse(refusal, at: now)
  }

  /// The client sends no more.
  mutating func inputEnded(at now: NIODeadline) -> Action {
    inputHasEnded = true
    return closeIfDone(at: now)
  }

  /// The node stops.
  mutating func quiesce(at now: NIODeadline) -> Action {
    isQuiescing = true
    return closeIfDone(at: now)
  }

  mutating func closed() {
    phase = .closed
    backlog.removeAll()
  }

  /// What waited has been taken in as far as it could be.
  mutating func drained(at now: @autoclosure () -> NIODeadline) -> Action {
    inputHasEnded || isQuiescing ? closeIfDone(at: now()) : .nothing
  }

  /// Closes unless a request is left to be answered; what was written goes out first.
  private mutating func closeIfDone(at now: NIODeadline) -> Action {
    guard backlog.isEmpty else { return .nothing }
    switch phase {
    case .answering, .closing, .closed: return .nothing
    case .idle where headBegan != nil && !inputHasEnded: return .nothing
    case .receiving where !inputHasEnded, .lingering where !inputHasEnded: return .nothing
    case .idle, .receiving, .flushing, .lingering:
      phase = .closing(since: now)
      return .closeWhenWritten
    }
  }

  /// Answers before the end of the request, or without one, for the last time on this connection.
  private mutating func refuse(_ response: Response, at now: NIODeadline) -> Action {
    let refused: Exchange?
    switch phase {
    case .idle: refused = nil
    case .receiving(let exchange): refused = exchange
    case .answering, .flushing:
      // What follows the request in hand is no HTTP; that request is still owed its answer.
      return inputEnded(at: now)
    case .lingering, .closing, .closed: return .nothing
    }
    phase = .lingering(until: now + Self.lingerLimit, bytesLeft: Self.maxLingerBytes)
    return .refuse(refused, response)
  }

  // MARK: - Time

  /// Called a few times a second: one clock for all connections costs less than a timer for each request.
  ///
  /// - Parameter decoderHoldsHead: whether the decoder has the beginning of a head.
  mutating func tick(at now: NIODeadline, decoderHoldsHead: Bool) -> Action {
    switch phase {
    case .idle(let since):
      guard backlog.isEmpty else { return .nothing }
      // The beginning of a head may have come with the end of the last request.
      if let began = headBegan ?? (decoderHoldsHead ? since : nil) {
        return now - began >= Self.requestLimit ? refuse(.timeout, at: now) : .nothing
      }
      return now - since >= Self.idleLimit ? .close : .nothing
    case .receiving(let exchange):
      return now - exchange.began >= Self.requestLimit ? refuse(.timeout, at: now) : .nothing
    case .lingering(let until, _): return now >= until ? .close : .nothing
    case .flushing(let since), .closing(let since): return now - since >= Self.requestLimit ? .close : .nothing
    case .answering, .closed: return .nothing
    }
  }
}

extension ConnectionMachine.Exchange {
  /// Takes a part of the body in; what will be refused is counted and dropped.
  ///
  /// - Returns: false if the body is too large.
  fileprivate mutating func take(_ bytes: ByteBuffer) -> Bool {
    bodyBytes += bytes.readableBytes
    guard bodyBytes <= HTTPLimits.maxBodyBytes else { return false }
    guard head.refusal == nil else { return true }
    if bodyBytes == bytes.readableBytes { body = bytes } else { body.writeImmutableBuffer(bytes) }
    return true
  }
}

extension Response {
  fileprivate static let timeout = Response.problem(
    Problem(
      .requestTimeout,
      "A request must be complete within \(ConnectionMachine.requestLimit.nanoseconds / 1_000_000_000) s."))
}
