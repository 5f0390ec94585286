import Common
import NIOCore
import NIOExtras
import NIOHTTP1

/// Acts for the ``ConnectionMachine`` of one client connection: reads, writes, closes, and has requests answered.
final class HTTPConnection: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  private let shared: ConnectionContext
  private let decoder: RequestDecoder
  private let eventLoop: any EventLoop
  private var machine: ConnectionMachine
  private var context: ChannelHandlerContext?
  private var peer = TrustedProxies.Peer.unknown
  private var isDrainingBacklog = false
  private var nextTurnIsDue = false

  /// - Parameter decoder: the one before this handler.
  init(sharing shared: ConnectionContext, decoder: RequestDecoder, eventLoop: any EventLoop) {
    (self.shared, self.decoder, self.eventLoop) = (shared, decoder, eventLoop)
    machine = ConnectionMachine(at: eventLoop.now)
  }

  // MARK: - Events of the channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    peer = shared.proxies.peer(context.remoteAddress)
    if shared.tracker.opened(self) {
      context.fireChannelActive()
    } else {
      perform(machine.turnAway(at: eventLoop.now))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    machine.closed()
    shared.tracker.closed(self)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if machine.receive(part) { take(part) } else { askForTurn() }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    machine.readComplete(at: eventLoop.now)
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if machine.mayRead() { context.read() }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      machine.becameWritable(at: eventLoop.now)
      drainBacklog()
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed: perform(machine.inputEnded(at: eventLoop.now))
    case is ChannelShouldQuiesceEvent: perform(machine.quiesce(at: eventLoop.now))
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case let error as HTTPParserError:
      perform(machine.receivedGarbage(Self.refusal(of: error), at: eventLoop.now))
    // More of what was no HTTP: read and dropped, for the answers before it may still be on their way.
    case ByteToMessageDecoderError.dataReceivedInErrorState(_, let bytes):
      perform(machine.take(bytes, at: eventLoop.now))
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

  // MARK: - Taking requests in

  private func take(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head):
      guard machine.expectsHead else { return }
      perform(machine.begin(exchange(for: head), at: eventLoop.now))
    case .body(let bytes): perform(machine.take(bytes, at: eventLoop.now))
    case .end: perform(machine.end())
    }
  }

  private func exchange(for head: HTTPRequestHead) -> ConnectionMachine.Exchange {
    let head = shared.validator.validate(head, isFromProxy: peer.isProxy)
    return ConnectionMachine.Exchange(
      head: head, requestID: head.requestID ?? shared.nextRequestID(),
      isHeldBack: head.hasWrongToken && shared.wrongTokens.note(client: client(of: head)))
  }

  /// Takes in what came while the last request was being answered. A loop, not a recursion: an answer may come at once.
  private func drainBacklog() {
    guard !isDrainingBacklog else { return }
    isDrainingBacklog = true
    while let part = machine.nextWaiting() { take(part) }
    isDrainingBacklog = false
    askForTurn()
    if machine.takeWithheldRead() { context?.read() }
    perform(machine.drained(at: eventLoop.now))
  }

  /// Goes on in the next turn of the event loop, if the machine asks for that.
  private func askForTurn() {
    guard machine.awaitsTurn, !nextTurnIsDue else { return }
    nextTurnIsDue = true
    eventLoop.assumeIsolated().execute { [self] in
      nextTurnIsDue = false
      machine.turnBegan()
      drainBacklog()
    }
  }

  // MARK: - Acting

  private func perform(_ action: ConnectionMachine.Action) {
    guard let context else { return }
    switch action {
    case .nothing: break
    case .askForBody:
      var interim = ByteBuffer()
      interim.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
      context.writeAndFlush(wrapOutboundOut(interim), promise: nil)
    case .answer(let exchange): answer(exchange)
    case .refuse(let exchange, let response): refuse(exchange, response, context)
    case .closeWhenWritten: closeWhenWritten(ByteBuffer(), context)
    case .close: context.close(promise: nil)
    }
  }

  private func answer(_ exchange: ConnectionMachine.Exchange) {
    let arrival = eventLoop.now
    let answer = { [self] (response: Response) in answered(exchange, response, arrival: arrival) }
    switch exchange.head.decision {
    case .refused(let refusal, _):
      guard exchange.isHeldBack, shared.wrongTokens.beginDelay() else { return answer(refusal) }
      eventLoop.assumeIsolated().scheduleTask(in: WrongTokenGuard.delay) { [shared] in
        shared.wrongTokens.endDelay()
        answer(refusal)
      }
    case .admitted(let admission):
      shared.dispatcher.serve(
        Request(admission, id: exchange.requestID, arrival: arrival, body: exchange.body), answer: answer)
    }
  }

  private func answered(_ exchange: ConnectionMachine.Exchange, _ response: Response, arrival: NIODeadline) {
    eventLoop.assertInEventLoop()
    let now = eventLoop.now
    shared.log.note(
      response, to: exchange.head.operation, id: exchange.requestID, client: client(of: exchange.head),
      arrival: arrival, at: now)
    let delivery = machine.answered(exchange, isDraining: shared.isDraining, at: now)
    guard delivery != .none, let context else { return }
    let bytes = shared.encoder.encode(
      response, requestID: exchange.requestID, closes: delivery == .andClose, hasBody: !exchange.head.isHEAD,
      allocator: context.channel.allocator)
    guard delivery == .andGoOn else { return closeWhenWritten(bytes, context) }
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    machine.written(isWritable: context.channel.isWritable, at: now)
    drainBacklog()
  }

  private func closeWhenWritten(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }

  private func refuse(
    _ exchange: ConnectionMachine.Exchange?, _ response: Response, _ context: ChannelHandlerContext
  ) {
    let now = eventLoop.now
    let id = exchange?.requestID ?? shared.nextRequestID()
    shared.log.note(
      response, to: exchange?.head.operation, id: id, client: client(of: exchange?.head), arrival: now, at: now)
    let bytes = shared.encoder.encode(
      response, requestID: id, closes: true, hasBody: !(exchange?.head.isHEAD ?? false),
      allocator: context.channel.allocator)
    context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in
      context.close(mode: .output, promise: nil)
    }
  }

  private func client(of head: ValidatedHead?) -> String {
    shared.proxies.client(of: peer, forwardedFor: head?.forwardedFor)
  }

  // MARK: - From the tracker

  func tick(at now: NIODeadline) {
    perform(machine.tick(at: now, decoderHoldsHead: decoder.holdsHead))
  }

  func abort() { context?.close(promise: nil) }
}
