import Common
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Ends requests that are not complete in time, and connections whose requests cannot be read. Both are told why by a
/// problem document. Each connection has a handler of its own.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// From the first byte of a request to its last.
  static let timeout = TimeAmount.seconds(10)
  /// A late request is looked at again so often while an earlier one of its connection waits for the answer.
  private static let recheckInterval = TimeAmount.seconds(1)
  /// After the last answer, what the client still sends is read and dropped for so long. A connection that is closed
  /// with bytes unread is reset, and the client would never see the answer.
  private static let linger = TimeAmount.seconds(1)
  /// The kernel must not take megabytes of answers. Otherwise nobody would notice that a client does not read.
  private static let sendBufferBytes = 128 * 1024

  private var context: ChannelHandlerContext?
  /// When the first bytes of the unfinished request came.
  private var began: NIODeadline?
  private var isScheduled = false
  /// Requests whose heads have come, and answers that were begun and ended.
  private var (heads, answersBegun, answersEnded) = (0, 0, 0)
  /// The head of a request has come, but not its end.
  private var isInside = false
  /// The last answer has been given here.
  private var isOver = false

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // Before the decoder, so that a head that never ends is bounded too.
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
      // It came behind another request, in the same bytes.
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
    guard let context else { return }
    began = context.eventLoop.now
    if !isScheduled { schedule(in: Self.timeout) }
  }

  private func schedule(in delay: TimeAmount) {
    guard let context else { return }
    isScheduled = true
    context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.look() }
  }

  private func look() {
    isScheduled = false
    guard let began, !isOver, let context else { return }
    let left = began + Self.timeout - context.eventLoop.now
    if left > .zero {
      schedule(in: left)
    } else if answersEnded < heads - (isInside ? 1 : 0) {
      schedule(in: Self.recheckInterval)
    } else {
      end(Problem(.requestTimeout, "A request must be complete within \(Self.timeout.nanoseconds / 1_000_000_000) s."))
    }
  }

  // MARK: - The last answer

  /// Ends the connection, and tells the problem unless the request has had its answer already.
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
    // Nobody is to wait for the rest of the request.
    context.fireErrorCaught(HTTPParserError.closedConnection)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) { context.close(promise: nil) }
  }

  private static func problem(of error: HTTPParserError) -> Problem {
    switch error {
    case .headerOverflow: Problem(.headersTooLarge, "At most \(Request.maxHeadBytes) bytes are taken.")
    // The preface of HTTP/2 makes the parser pause.
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
