import Common
import DequeModule
import Logging
import NIOCore
import NIOExtras
import NIOHTTP1

/// One client connection: takes requests in, answers them in their order, one at a time.
///
/// Requests of a client that pipelines wait here, and reading stops while any does: a client can't make the node hold
/// more than a socket buffer of them.
final class HTTPConnection: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  /// An incomplete request is given up after this, and so is a client that does not read its answer.
  static let requestLimit = TimeAmount.seconds(10)
  /// A connection without a request is closed after this.
  static let idleLimit = TimeAmount.seconds(75)
  /// After a refusal before the end of a request, what the client still sends is read and dropped for so long and so
  /// far: a connection closed with bytes unread is reset, and the client would never see the answer.
  static let lingerLimit = TimeAmount.seconds(1)
  static let lingerBytes = 1 << 20

  /// So many requests are taken in before other connections have their turn: one that pipelines thousands must not
  /// keep them waiting.
  static let requestsPerTurn = 16

  private enum Phase {
    /// Between requests; `since` is when the last one ended.
    case idle(since: NIODeadline)
    case receiving
    case answering
    /// Answered; the client has not read enough of it yet to be given more.
    case flushing(since: NIODeadline)
    /// Answered for the last time; waiting for the client to close.
    case lingering(until: NIODeadline, bytesLeft: Int)
    /// Answered for the last time; to be closed as soon as that has left.
    case closing(since: NIODeadline)
    case closed
  }

  private struct Incoming {
    var verdict: RequestGate.Verdict
    var body = ByteBuffer()
    var bodyBytes = 0
    var keepsAlive: Bool
    var isHEAD: Bool
    var began: NIODeadline
    var requestID: String
    /// Its refusal is to come late: too many wrong tokens came from where it came from.
    var isHeldBack = false
  }

  private let desk: RequestDesk
  private let decoder: RequestDecoder
  private var context: ChannelHandlerContext?
  private var phase = Phase.idle(since: .now())
  private var incoming: Incoming?
  private var backlog = Deque<HTTPServerRequestPart>()
  private var isDrainingBacklog = false
  private var readIsWithheld = false
  /// Requests begun in this turn of the event loop.
  private var begunInTurn = 0
  private var nextTurnIsDue = false
  /// The client sends no more, or nothing that can be read.
  private var inputHasEnded = false
  /// The node is to close as soon as nothing is in hand.
  private var isQuiescing = false
  /// When the first bytes of a request came whose head is not whole yet.
  private var headBegan: NIODeadline?
  private var sawPart = false
  private var peer = TrustedProxies.Peer.unknown

  /// - Parameter decoder: the one before this handler.
  init(desk: RequestDesk, decoder: RequestDecoder) {
    self.desk = desk
    self.decoder = decoder
  }

  // MARK: - Events of the channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    phase = .idle(since: .now())
    peer = desk.proxies.peer(context.remoteAddress)
    if desk.opened(self) {
      context.fireChannelActive()
    } else {
      refuse(.problem(Problem(.overloaded, "Too many connections.", retryAfter: 1)))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    phase = .closed
    backlog.removeAll()
    desk.closed(self)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    sawPart = true
    let part = unwrapInboundIn(data)
    // With a backlog there, it is the turn of the other connections.
    if !isBusy, backlog.isEmpty, !mustYield(to: part) { take(part) } else { backlog.append(part) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Bytes that made no part: the beginning of a head.
    if !sawPart, case .idle = phase, headBegan == nil { headBegan = .now() }
    sawPart = false
    if !nextTurnIsDue { begunInTurn = 0 }
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if backlog.isEmpty { context.read() } else { readIsWithheld = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if case .flushing = phase, context.channel.isWritable {
      phase = .idle(since: .now())
      drainBacklog()
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      inputHasEnded = true
      closeIfDone()
    case is ChannelShouldQuiesceEvent:
      isQuiescing = true
      closeIfDone()
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case let error as HTTPParserError:
      if backlog.isEmpty {
        refuse(Self.refusal(of: error))
      } else {
        // The requests before it are still owed their answers.
        inputHasEnded = true
      }
    // A reset or broken pipe: nobody is there to be told.
    default: context.close(promise: nil)
    }
  }

  private static func refusal(of error: HTTPParserError) -> Response {
    switch error {
    case .headerOverflow: .problem(.headersTooLarge)
    // The preface of HTTP/2 pauses the parser.
    case .invalidVersion, .paused: .problem(.unsupportedVersion)
    default: .problem(.invalid([Fault("#", "this is not HTTP/1.1 as RFC 9112 has it")]))
    }
  }

  // MARK: - Taking a request in

  private func take(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head): begin(head)
    case .body(let bytes): take(bytes)
    case .end: end()
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    guard case .idle = phase else { return }
    begunInTurn += 1
    let verdict = desk.gate.judge(head, isFromProxy: peer.isProxy)
    phase = .receiving
    incoming = Incoming(
      verdict: verdict, keepsAlive: head.isKeepAlive && head.version == .http1_1 && !verdict.asksForUpgrade,
      isHEAD: head.method == .HEAD, began: headBegan ?? .now(), requestID: verdict.requestID ?? desk.nextRequestID())
    headBegan = nil
    if verdict.hasWrongToken {
      let isHeldBack = desk.noteWrongToken(of: client(of: incoming))
      incoming?.isHeldBack = isHeldBack
    }
    if let refusal = verdict.refusal, Self.endsConnection(refusal.problemKind) {
      refuse(refusal)
    } else if verdict.expectsContinue {
      if let refusal = verdict.refusal { return refuse(refusal) }
      var interim = ByteBuffer()
      interim.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
      context?.writeAndFlush(wrapOutboundOut(interim), promise: nil)
    }
  }

  private func take(_ bytes: ByteBuffer) {
    if case .lingering(let until, let left) = phase {
      phase = .lingering(until: until, bytesLeft: left - bytes.readableBytes)
      if left < bytes.readableBytes { context?.close(promise: nil) }
      return
    }
    guard case .receiving = phase, incoming != nil else { return }
    incoming?.bodyBytes += bytes.readableBytes
    if let incoming, incoming.bodyBytes > HTTPLimits.bodyBytes {
      return refuse(incoming.verdict.refusal ?? .problem(.payloadTooLarge))
    }
    guard incoming?.verdict.refusal == nil else { return }
    if incoming?.bodyBytes == bytes.readableBytes {
      incoming?.body = bytes
    } else {
      incoming?.body.writeImmutableBuffer(bytes)
    }
  }

  private func end() {
    if case .lingering = phase {
      context?.close(promise: nil)
      return
    }
    guard case .receiving = phase, let request = incoming else { return }
    phase = .answering
    incoming = nil
    let arrival = NIODeadline.now()
    let answer = { [self] (response: Response) in
      answered(request, response, arrival: arrival)
    }
    if let refusal = request.verdict.refusal {
      if request.isHeldBack, let context, desk.beginDelay() {
        context.eventLoop.assumeIsolated().scheduleTask(in: RequestDesk.wrongTokenDelay) { [desk] in
          desk.endDelay()
          answer(refusal)
        }
      } else {
        answer(refusal)
      }
    } else if let fault = request.verdict.keyFault {
      answer(.problem(.invalid([fault])))
    } else if let operation = request.verdict.operation {
      desk.serve(
        Request(
          operation: operation, parameter: request.verdict.parameter, query: request.verdict.query,
          id: request.requestID,
          context: CallContext(caller: request.verdict.caller, keyText: request.verdict.keyText, arrival: arrival),
          body: request.body),
        answer: answer)
    }
  }

  /// Whether what follows such a request on its connection would be of no use, or could not be told from its body.
  private static func endsConnection(_ kind: ProblemKind?) -> Bool {
    switch kind {
    case .payloadTooLarge, .headersTooLarge, .unsupportedTransferCoding, .expectationFailed: true
    default: false
    }
  }

  // MARK: - Answering

  private func answered(_ request: Incoming, _ response: Response, arrival: NIODeadline) {
    desk.note(
      response, request.verdict.operation, id: request.requestID, client: client(of: request), arrival: arrival)
    guard case .answering = phase, let context else { return }
    let closes = !request.keepsAlive || (inputHasEnded && backlog.isEmpty) || desk.isDraining
    let bytes = desk.encode(
      response, requestID: request.requestID, closes: closes, hasBody: !request.isHEAD,
      allocator: context.channel.allocator)
    if closes {
      phase = .closing(since: .now())
      context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
      return
    }
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    // A client that asks and does not read must not make us keep its answers.
    phase = context.channel.isWritable ? .idle(since: .now()) : .flushing(since: .now())
    drainBacklog()
  }

  private var isBusy: Bool {
    switch phase {
    case .answering, .flushing: true
    case .idle, .receiving, .lingering, .closing, .closed: false
    }
  }

  /// Whether this begins a request that is to wait for the next turn of the loop, for which it then asks.
  private func mustYield(to part: HTTPServerRequestPart) -> Bool {
    guard case .head = part, begunInTurn >= Self.requestsPerTurn else { return false }
    guard !nextTurnIsDue, let context else { return true }
    nextTurnIsDue = true
    context.eventLoop.assumeIsolated().execute { [self] in
      nextTurnIsDue = false
      begunInTurn = 0
      drainBacklog()
    }
    return true
  }

  /// Takes in what came while the last request was being answered. A loop, not a recursion: an answer may come at once.
  private func drainBacklog() {
    guard !isDrainingBacklog else { return }
    isDrainingBacklog = true
    while !isBusy, let part = backlog.first, !mustYield(to: part) {
      backlog.removeFirst()
      take(part)
    }
    isDrainingBacklog = false
    if backlog.isEmpty, readIsWithheld {
      readIsWithheld = false
      context?.read()
    }
    if inputHasEnded || isQuiescing { closeIfDone() }
  }

  /// Closes unless a request is left to be answered; what was written goes out first.
  private func closeIfDone() {
    guard let context, backlog.isEmpty else { return }
    switch phase {
    case .answering, .closing, .closed: return
    case .idle where headBegan != nil && !inputHasEnded: return
    case .receiving where !inputHasEnded, .lingering where !inputHasEnded: return
    case .idle, .receiving, .flushing, .lingering: phase = .flushing(since: .now())
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
      context.close(promise: nil)
    }
  }

  /// Answers before the end of the request, or without one, for the last time on this connection.
  private func refuse(_ response: Response) {
    guard let context else { return }
    switch phase {
    case .idle, .receiving: break
    case .answering, .flushing:
      // What follows the request in hand is no HTTP; that request is still owed its answer.
      inputHasEnded = true
      return closeIfDone()
    case .lingering, .closing, .closed: return
    }
    let id = incoming?.requestID ?? desk.nextRequestID()
    desk.note(
      response, incoming?.verdict.operation, id: id, client: client(of: incoming), arrival: incoming?.began ?? .now())
    let bytes = desk.encode(
      response, requestID: id, closes: true, hasBody: !(incoming?.isHEAD ?? false), allocator: context.channel.allocator
    )
    incoming = nil
    phase = .lingering(until: .now() + Self.lingerLimit, bytesLeft: Self.lingerBytes)
    context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in
      context.close(mode: .output, promise: nil)
    }
  }

  private func client(of request: Incoming?) -> String {
    desk.proxies.client(of: peer, forwardedFor: request?.verdict.forwardedFor)
  }

  func abort() { context?.close(promise: nil) }

  // MARK: - Time

  /// Called a few times a second: one clock for all connections costs less than a timer for each request.
  func tick(_ now: NIODeadline) {
    switch phase {
    case .idle(let since):
      // The beginning of a head may have come with the end of the last request.
      guard backlog.isEmpty else { return }
      if let began = headBegan ?? (decoder.holdsHead ? since : nil) {
        if now - began >= Self.requestLimit { refuse(.timeout) }
      } else if now - since >= Self.idleLimit {
        context?.close(promise: nil)
      }
    case .receiving:
      if let incoming, now - incoming.began >= Self.requestLimit { refuse(.timeout) }
    case .lingering(let until, _):
      if now >= until { context?.close(promise: nil) }
    case .flushing(let since), .closing(let since):
      if now - since >= Self.requestLimit { context?.close(promise: nil) }
    case .answering, .closed: break
    }
  }
}

extension Response {
  fileprivate static let timeout = Response.problem(
    Problem(
      .requestTimeout, "A request must be complete within \(HTTPConnection.requestLimit.nanoseconds / 1_000_000_000) s."
    ))

  fileprivate var problemKind: ProblemKind? {
    if case .problem(let kind) = outcome { kind } else { nil }
  }
}
