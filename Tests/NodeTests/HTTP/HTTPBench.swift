import Common
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import Node

/// One connection on an embedded channel, as seen by a client and a controller.
final class HTTPBench {
  let channel = EmbeddedChannel()
  let shared: ConnectionContext
  let network: NetworkEnd
  /// Requests that the controller has received but not answered.
  private(set) var waiting: [(request: Request, answer: (Response) -> Void)] = []
  /// The time of the last action: the connection was made, something was sent, or an answer was given.
  private var lastDone: NIODeadline
  /// All bytes that the client has received.
  private(set) var received: [UInt8] = []

  /// - Parameter answers: answers requests at once. If nil, they wait in ``waiting``.
  init(
    inFlight: Int = 100, connections: Int = 100, logger: Logger = .silent, sharing other: ConnectionContext? = nil,
    answers: ((Request) -> Response)? = nil
  ) throws {
    var take: (Request, @escaping (Response) -> Void) -> Void = { _, _ in }
    let traffic = Traffic()
    shared =
      other
      ?? ConnectionContext(
        validator: RequestValidator(
          authenticator: Authenticator(adminTokens: .init(token: "boss"), clientTokens: .init())),
        tracker: ConnectionTracker(maxConnections: connections),
        wrongTokens: WrongTokenGuard(logger: logger, now: { .now }),
        dispatcher: Dispatcher(maxInFlight: inFlight, traffic: traffic) { take($0, $1) },
        encoder: ResponseEncoder { 0 }, log: RequestLog(traffic: traffic, logger: logger, logsRequests: false))
    network = NetworkEnd()
    lastDone = channel.embeddedEventLoop.now
    try channel.pipeline.syncOperations.addHandler(network)
    try HTTPServer.makeConnection(on: channel, sharing: shared)
    take = { [unowned self] request, answer in
      if let answers { answer(answers(request)) } else { waiting.append((request, answer)) }
    }
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  /// Takes the place of the socket behind the channel.
  final class NetworkEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var reads = 0
    private(set) var hasClosedOutput = false
    /// True for a client that does not read. Then written bytes do not leave.
    var isStuck = false
    private var stuck: [EventLoopPromise<Void>?] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      if isStuck { stuck.append(promise) } else { context.write(data, promise: promise) }
    }

    func read(context: ChannelHandlerContext) {
      reads += 1
      context.read()
    }

    /// Needed because an embedded channel closes both sides when one is closed.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
      guard mode == .output else {
        for write in stuck { write?.fail(ChannelError.ioOnClosedChannel) }
        stuck.removeAll()
        return context.close(mode: mode, promise: promise)
      }
      hasClosedOutput = true
      promise?.succeed()
    }
  }

  var now: NIODeadline { channel.embeddedEventLoop.now }

  var isOpen: Bool { channel.isActive }

  var traffic: Traffic { shared.dispatcher.traffic }

  func send(_ text: String) throws { try send(Array(text.utf8)[...]) }

  func send(_ bytes: ArraySlice<UInt8>) throws {
    lastDone = now
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    try receive()
  }

  func closeInput() throws {
    channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    try receive()
  }

  /// Answers the request that has waited longest.
  func answer(_ response: Response = .json(200, ByteBuffer(string: "{}"))) throws {
    _ = try #require(waiting.first)
    lastDone = now
    waiting.removeFirst().answer(response)
    try receive()
  }

  /// Lets a limit of this length pass, counted from now.
  func pass(_ limit: TimeAmount) throws { try tick(at: now + limit) }

  /// Advances to 1 ms before the end of a limit of this length that began with the last action.
  func passNearly(_ limit: TimeAmount) throws { try tick(at: lastDone + limit - .milliseconds(1)) }

  func tick(at instant: NIODeadline) throws {
    channel.embeddedEventLoop.advanceTime(to: instant)
    shared.tracker.tick(at: instant)
    try receive()
  }

  func receive() throws {
    channel.embeddedEventLoop.run()
    while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received += bytes.readableBytesView }
  }

  struct Answer {
    var head: HTTPResponseHead
    var body: String
    var status: Int { Int(head.status.code) }
    subscript(name: String) -> String? { head.headers.first(name: name) }
  }

  /// The bytes so far, parsed by NIO's client as answers to requests with these methods.
  func answers(to methods: [HTTPMethod] = []) throws -> [Answer] { try Self.answers(in: received, to: methods) }

  static func answers(in bytes: [UInt8], to methods: [HTTPMethod] = []) throws -> [Answer] {
    let client = EmbeddedChannel()
    try client.pipeline.syncOperations.addHTTPClientHandlers()
    for index in 0..<max(methods.count, 100) {
      let method = index < methods.count ? methods[index] : .GET
      let head = HTTPRequestHead(version: .http1_1, method: method, uri: "/")
      try client.writeOutbound(HTTPClientRequestPart.head(head))
      try client.writeOutbound(HTTPClientRequestPart.end(nil))
    }
    try client.writeInbound(ByteBuffer(bytes: bytes))
    var answers: [Answer] = []
    var isWhole = true
    while let part = try client.readInbound(as: HTTPClientResponsePart.self) {
      switch part {
      case .head(let head):
        answers.append(Answer(head: head, body: ""))
        isWhole = false
      case .body(let body): answers[answers.count - 1].body += String(buffer: body)
      case .end: isWhole = true
      }
    }
    #expect(isWhole, "an answer was cut off")
    return answers
  }
}
