import Foundation
import NIOCore
import NIOPosix

/// A TCP connection that sends what no HTTP client would send: any bytes, at any time, in any pieces.
package final class RawConnection: Sendable {
  private let channel: any Channel
  private let inbox: Inbox

  /// - Parameter reads: whether received bytes are read as answers. Otherwise they are only counted.
  package init(port: Int, reads: Bool = true) async throws {
    let inbox = Inbox(reads: reads)
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      // So that a test can tell the end of the server's sending from the end of the connection.
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(InboxHandler(inbox)) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    self.inbox = inbox
  }

  deinit { channel.close(promise: nil) }

  /// Sends without waiting. Bytes that the server no longer takes are dropped.
  package func send(_ bytes: some Sequence<UInt8> & Sendable) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
  }

  package func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends in pieces of `size` bytes, each in its own turn of the event loop.
  ///
  /// The test's task does not send them itself. When many tests run, it may wait seconds between two pieces, and the
  /// server allows ten seconds for a request.
  package func send(_ bytes: [UInt8], inPiecesOf size: Int) {
    channel.eventLoop.execute { [channel] in
      channel.writeAndFlush(ByteBuffer(bytes: bytes.prefix(size)), promise: nil)
      if bytes.count > size { self.send(Array(bytes.dropFirst(size)), inPiecesOf: size) }
    }
  }

  /// Closes the sending side. Answers can still be read.
  package func finishSending() { channel.close(mode: .output, promise: nil) }

  package func close() { channel.close(promise: nil) }

  /// The answers so far.
  package var answers: [TestAnswer] { inbox.contents.answers }
  /// The number of bytes received.
  package var received: Int { inbox.contents.received }
  /// Whether the server has ended its side.
  package var isEnded: Bool { inbox.contents.isEnded }

  /// Waits for `count` answers and returns all that have arrived.
  package func answers(_ count: Int, within limit: Duration = .seconds(60)) async throws -> [TestAnswer] {
    try await eventually("\(count) answers", within: limit, every: .milliseconds(5)) {
      let contents = inbox.contents
      if let fault = contents.malformed { throw fault }
      // After the end no further answer comes.
      return contents.answers.count >= count || contents.isEnded
    }
    guard answers.count >= count else {
      let last = answers.last.map { "\($0.status)" } ?? "-"
      throw ServerProcess.StartFailed(
        description: "the server ended after \(answers.count) of \(count) answers, the last one \(last)")
    }
    return answers
  }

  /// The one answer to what was sent.
  package func answer(within limit: Duration = .seconds(60)) async throws -> TestAnswer {
    try await answers(1, within: limit)[0]
  }

  package func waitForEnd(within limit: Duration = .seconds(60)) async throws {
    try await eventually("the server ends the connection", within: limit, every: .milliseconds(5)) { isEnded }
  }
}

/// What has come from the server. The event loop fills it and the test reads it.
private final class Inbox: @unchecked Sendable {  // Everything is touched under the lock only.
  struct Contents {
    var answers: [TestAnswer] = []
    var received = 0
    var isEnded = false
    var malformed: AnswerReader.Malformed?
  }

  private let lock = NSLock()
  private let reads: Bool
  private var reader = AnswerReader()
  private var current = Contents()

  init(reads: Bool) { self.reads = reads }

  var contents: Contents { lock.withLock { current } }

  func take(_ bytes: ByteBuffer) {
    lock.withLock {
      current.received += bytes.readableBytes
      guard reads else { return }
      reader.feed(bytes)
      do throws(AnswerReader.Malformed) {
        while let answer = try reader.next() { current.answers.append(answer) }
      } catch {
        current.malformed = error
      }
    }
  }

  func end() { lock.withLock { current.isEnded = true } }
}

private final class InboxHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let inbox: Inbox

  init(_ inbox: Inbox) { self.inbox = inbox }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { inbox.take(unwrapInboundIn(data)) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { inbox.end() }
  }

  func channelInactive(context: ChannelHandlerContext) { inbox.end() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
