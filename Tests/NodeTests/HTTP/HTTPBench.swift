import Common
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Node

/// One connection as a client and a controller see it, on an embedded channel.
final class HTTPBench {
  let channel = EmbeddedChannel()
  let dispatcher: Dispatcher
  let network: NetworkEnd
  /// Requests that the controller has got and not answered.
  private(set) var waiting: [(request: Request, answer: (Response) -> Void)] = []
  /// When the last thing was done here: the connection made, something sent, or an answer given. Not later than that.
  private var lastDone: NIODeadline
  /// All that the client has got.
  private(set) var received: [UInt8] = []

  /// - Parameter answers: answers at once; without it requests wait in ``waiting``.
  init(
    inFlight: Int = 100, connections: Int = 100, sharing shared: Dispatcher? = nil,
    answers: ((Request) -> Response)? = nil
  ) throws {
    var take: (Request, @escaping (Response) -> Void) -> Void = { _, _ in }
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    dispatcher =
      shared
      ?? Dispatcher(
        validator: RequestValidator(
          authenticator: Authenticator(adminTokens: .init(token: "boss"), clientTokens: .init())),
        connections: ConnectionTracker(maxConnections: connections), maxInFlight: inFlight, traffic: Traffic(),
        wrongTokens: WrongTokenGuard(logger: logger, now: { .now }), logger: logger, logsRequests: false,
        handle: { take($0, $1) })
    network = NetworkEnd()
    lastDone = channel.embeddedEventLoop.now
    try channel.pipeline.syncOperations.addHandler(network)
    try HTTPServer.makeConnection(on: channel, dispatcher: dispatcher)
    take = { [unowned self] request, answer in
      if let answers { answer(answers(request)) } else { waiting.append((request, answer)) }
    }
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  /// What lies between the channel and its socket.
  final class NetworkEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var reads = 0
    private(set) var hasClosedOutput = false
    /// Set for a client that does not read: what is written from then on does not leave.
    var isStuck = false
    private var stuck: [EventLoopPromise<Void>?] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      if isStuck { stuck.append(promise) } else { context.write(data, promise: promise) }
    }

    func read(context: ChannelHandlerContext) {
      reads += 1
      context.read()
    }

    /// An embedded channel would take closing one side for closing both.
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

  /// Lets a limit of this length pass, counted from whatever has happened.
  func pass(_ limit: TimeAmount) throws { try tick(at: now + limit) }

  /// Lets a little less than this pass: a limit of this length that the last event began is not over yet.
  func passNearly(_ limit: TimeAmount) throws { try tick(at: lastDone + limit - .milliseconds(1)) }

  func tick(at instant: NIODeadline) throws {
    channel.embeddedEventLoop.advanceTime(to: instant)
    dispatcher.connections.tick(at: instant)
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

  /// What NIO's client makes of the bytes so far, as answers to requests of these methods.
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
