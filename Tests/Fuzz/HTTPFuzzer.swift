import Common
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport

@testable import Node

/// Fuzzes what a client sends on one connection.
enum HTTPFuzzer {
  static func check(_ bytes: [UInt8]) throws(Breach) {
    var random = SeededRandom(of: bytes)
    let asked = AskedRequests(in: bytes)
    let pieces = random.split(bytes, most: random.pick([1, 7, 100]))
    let atOnce = try answers([bytes[...]], to: asked)
    let cut = try answers(pieces, to: asked)
    let (ours, theirs) = (cut.prefix(asked.whole), atOnce.prefix(asked.whole))
    try promise(
      "where bytes are cut does not matter: \(ours), not \(theirs)", ours.elementsEqual(theirs) { $0.tells($1) })
    _ = try answers(pieces, to: asked, later: true)
  }

  /// The answers on a connection that receives these pieces.
  ///
  /// - Parameter later: whether the controllers answer later.
  private static func answers(
    _ pieces: [ArraySlice<UInt8>], to asked: AskedRequests, later: Bool = false
  ) throws(Breach) -> [Answer] {
    let connection = Connection(answersLater: later)
    for piece in pieces { connection.receive(piece) }
    connection.end(after: asked.whole)
    try promise("a client that sends no more is closed, with nothing left in hand", connection.hasEnded)
    let answers = try Answer.all(in: connection.sent, to: asked)
    try judge(answers, asked)
    return answers
  }

  /// Each whole request gets one answer, in order. The last answer may close the connection. It may also answer an
  /// unfinished request, or bytes that are no request.
  private static func judge(_ answers: [Answer], _ asked: AskedRequests) throws(Breach) {
    for (answer, head) in zip(answers, asked.heads) {
      try promise("the answer to \(head.id ?? "") is that to \(answer.id)", head.id == nil || head.id == answer.id)
    }
    try promise("something follows the last answer: \(answers)", !answers.dropLast().contains(where: \.closes))
    let counts = answers.last?.closes ?? false ? 1...(asked.whole + 1) : asked.whole...asked.whole
    try promise("\(asked.whole) requests have \(answers.count) answers", counts.contains(answers.count))
  }
}

/// What NIO's parser alone finds in these bytes.
private struct AskedRequests {
  var heads: [(isHEAD: Bool, id: String?)] = []
  /// How many of the requests are whole.
  var whole = 0

  init(in bytes: [UInt8]) {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldCount = .max
    let parser = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    let channel = EmbeddedChannel(handler: ByteToMessageHandler(parser))
    // Bytes that are not HTTP cause an error, which comes after all that precedes them.
    _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
      switch part {
      case .head(let head): heads.append((head.method == .HEAD, Self.id(in: head)))
      case .body: break
      case .end: whole += 1
      }
    }
    // Until then, handlers and pipeline retain each other.
    _ = try? channel.finish()
  }

  /// The ID that the request names. Nil if it does not name exactly one.
  private static func id(in head: HTTPRequestHead) -> String? {
    let ids = head.headers["X-Request-ID"]
    guard ids.count == 1, (1...128).contains(ids[0].utf8.count), ids[0].utf8.allSatisfy(\.isVisibleASCII) else {
      return nil
    }
    return ids[0]
  }
}

private struct Answer: Equatable {
  var status = 0
  /// Empty if the request did not name one.
  var id = ""
  var closes = false
  var body: [UInt8] = []

  /// The end of a connection is reported only if no earlier request waits. So the last answer may close, or one more
  /// answer may follow.
  func tells(_ other: Answer) -> Bool { status == other.status && id == other.id && body == other.body }

  static func all(in bytes: [UInt8], to asked: AskedRequests) throws(Breach) -> [Answer] {
    var answers: [Answer] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let head = answers.count < asked.heads.count ? asked.heads[answers.count] : nil
      var answer = Answer()
      let line = try takeLine(&rest).split(separator: " ")
      guard line.first == "HTTP/1.1", line.count > 2, let status = Int(line[1]) else {
        throw Breach("an answer begins with \(line)")
      }
      answer.status = status
      var length = 0
      while case let field = try takeLine(&rest), !field.isEmpty {
        let parts = field.split(separator: ": ", maxSplits: 1).map(String.init)
        switch parts[0] {
        case "Connection": answer.closes = parts[1] == "close"
        case "Content-Length": length = Int(parts[1]) ?? -1
        case "X-Request-ID": answer.id = head?.id == nil ? "" : parts[1]
        default: break
        }
      }
      // 100 Continue is not the answer yet.
      if status == 100 { continue }
      if head?.isHEAD ?? false { length = 0 }
      guard (0...rest.count).contains(length) else { throw Breach("the answer has \(rest.count) bytes of \(length)") }
      answer.body = Array(rest.prefix(length))
      rest = rest.dropFirst(length)
      answers.append(answer)
    }
    return answers
  }

  private static func takeLine(_ rest: inout ArraySlice<UInt8>) throws(Breach) -> String {
    guard let end = rest.firstIndex(of: UInt8(ascii: "\r")), rest[end...].starts(with: "\r\n".utf8) else {
      throw Breach("the head of an answer is cut off")
    }
    defer { rest = rest[(end + 2)...] }
    return String(decoding: rest[..<end], as: UTF8.self)
  }
}

/// A node's connection, as seen by the network and by the controllers.
private final class Connection {
  private let channel = EmbeddedChannel()
  private let traffic = Traffic()
  /// Requests that the controllers have not answered yet.
  private var waiting: [() -> Void] = []
  private let answersLater: Bool
  private(set) var sent: [UInt8] = []

  private static let validator = RequestValidator(
    authenticator: Authenticator(adminTokens: .init(token: "boss"), clientTokens: .init()))
  private static let logger = Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })

  init(answersLater: Bool) {
    self.answersLater = answersLater
    var take: (Request, @escaping (Response) -> Void) -> Void = { _, _ in }
    let shared = ConnectionContext(
      validator: Self.validator, tracker: ConnectionTracker(maxConnections: 1),
      wrongTokens: WrongTokenGuard(logger: Self.logger, now: { .now }),
      dispatcher: Dispatcher(maxInFlight: 10, traffic: traffic) { take($0, $1) }, encoder: ResponseEncoder { 0 },
      log: RequestLog(traffic: traffic, logger: Self.logger, logsRequests: false))
    take = { [unowned self] request, answer in
      let answer = { answer(.json(200, request.echo)) }
      if answersLater { waiting.append(answer) } else { answer() }
    }
    do {
      try channel.pipeline.syncOperations.addHandler(OutputEnd())
      try HTTPServer.makeConnection(on: channel, sharing: shared)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    } catch {
      fatalError("\(error)")
    }
  }

  /// Needed because an embedded channel closes both sides when one is closed.
  private final class OutputEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
      guard mode == .output else { return context.close(mode: mode, promise: promise) }
      promise?.succeed()
    }
  }

  var hasEnded: Bool { !channel.isActive && waiting.isEmpty && traffic.inFlight == 0 }

  func receive(_ piece: ArraySlice<UInt8>) {
    guard channel.isActive else { return }
    // Bytes that are not HTTP cause an error here too.
    _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
    // The next piece triggers the answer to one waiting request.
    if !waiting.isEmpty { waiting.removeFirst()() }
    channel.embeddedEventLoop.run()
  }

  /// The client sends no more. All waiting requests are answered one by one, because refusals may be held back.
  func end(after requests: Int) {
    channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    for _ in 0...requests where !hasEnded {
      if !waiting.isEmpty { waiting.removeFirst()() }
      channel.embeddedEventLoop.advanceTime(by: WrongTokenGuard.delay)
    }
    while let bytes = try? channel.readOutbound(as: ByteBuffer.self) { sent += bytes.readableBytesView }
    // A pipeline releases its handlers in the next turn.
    channel.embeddedEventLoop.run()
  }
}

extension Request {
  /// Everything that a controller learns about the request.
  fileprivate var echo: ByteBuffer {
    var echo = ByteBuffer(string: "\(operation) \(parameter) \(query) \(context.caller) \(context.keyText ?? "")\n")
    echo.writeImmutableBuffer(body)
    return echo
  }
}
