import Common
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Ends requests that do not come to their end in time, and connections whose requests cannot be read: both are told so
/// by a problem document. One for each connection.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// From the first byte of a request to its last.
  static let limit = TimeAmount.seconds(10)
  /// While an earlier request of the connection waits for its answer, the later one is looked at again so often.
  private static let pause = TimeAmount.seconds(1)
  /// After the last answer what the client still sends is read and dropped for so long: a connection closed with bytes
  /// unread is reset, and the client would never see the answer.
  private static let linger = TimeAmount.seconds(1)
  /// The system must not take megabytes of what the client does not read: that it does not would go unnoticed.
  private static let sendBufferBytes = 128 * 1024

  private var context: ChannelHandlerContext?
  /// When the first bytes of the request came that is not whole yet.
  private var began: NIODeadline?
  private var isScheduled = false
  /// Requests whose heads have come; answers that were begun, and ended.
  private var (heads, answersBegun, answersEnded) = (0, 0, 0)
  /// The head of a request has come, and not its end.
  private var isInside = false
  /// The last answer has been given here.
  private var isOver = false

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // Before the decoder: a head of which the end never comes is bounded too.
    let watch = FirstBytes { [weak self] in self?.bytesCame() }
    do {
      try context.pipeline.syncOperations.addHandler(watch, position: .first)
    } catch {
      context.fireErrorCaught(error)
    }
    context.channel.setOption(.socketOption(.so_sndbuf), value: numericCast(Self.sendBufferBytes)).whenFailure { _ in }
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isOver else { return }
    switch unwrapInboundIn(data) {
    case .head:
      heads += 1
      isInside = true
      // Behind another request in the same bytes.
      if began == nil { begin() }
    case .body: break
    case .end:
      isInside = false
      began = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isOver else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(let head) where head.status.kind != .informational: answersBegun += 1
    case .head, .body: break
    case .end: answersEnded += 1
    }
    context.write(data, promise: promise)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isOver else { return }
    if let error = error as? HTTPParserError, answersEnded >= heads - (isInside ? 1 : 0) {
      end(Self.problem(of: error))
    } else {
      context.fireErrorCaught(error)
    }
  }

  // MARK: - Time

  private func bytesCame() {
    if began == nil, !isOver { begin() }
  }

  private func begin() {
    began = .now()
    if !isScheduled { schedule(in: Self.limit) }
  }

  private func schedule(in delay: TimeAmount) {
    guard let context else { return }
    isScheduled = true
    context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.look() }
  }

  private func look() {
    isScheduled = false
    guard let began, !isOver, context != nil else { return }
    let left = began + Self.limit - .now()
    if left > .zero {
      schedule(in: left)
    } else if answersEnded < heads - (isInside ? 1 : 0) {
      schedule(in: Self.pause)
    } else {
      end(Problem(.requestTimeout, "A request must be complete within \(Self.limit.nanoseconds / 1_000_000_000) s."))
    }
  }

  // MARK: - The last answer

  /// Tells the problem, unless the request has had its answer early, and ends the connection.
  private func end(_ problem: Problem) {
    guard let context else { return }
    let isAnswered = isInside && answersBegun >= heads
    isOver = true
    guard !isAnswered else {
      context.close(promise: nil)
      return
    }
    let document = problem.document
    var head = HTTPResponse(
      status: problem.status,
      headerFields: [
        .contentType: "application/problem+json", .contentLength: "\(document.readableBytes)", .connection: "close",
      ])
    SiteResponder.makeSafe(&head.headerFields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(document)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
      context.close(mode: .output, promise: nil)
    }
    // Whoever waits for the rest of the request need not.
    context.fireErrorCaught(HTTPParserError.closedConnection)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) { context.close(promise: nil) }
  }

  private static func problem(of error: HTTPParserError) -> Problem {
    switch error {
    case .headerOverflow: Problem(.headersTooLarge, "At most \(Site.headBytes) bytes are taken.")
    // The preface of HTTP/2 pauses the parser.
    case .invalidVersion, .paused: Problem(.unsupportedVersion, "Send the request by HTTP/1.1.")
    default: Problem.invalid([Fault("#", "this is not HTTP/1.1 as RFC 9112 has it")])
    }
  }

  /// Tells when bytes come, before they are decoded.
  private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let tell: () -> Void

    init(_ tell: @escaping () -> Void) { self.tell = tell }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      tell()
      context.fireChannelRead(data)
    }
  }
}
