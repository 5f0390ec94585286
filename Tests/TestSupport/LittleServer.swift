import Foundation
import NIOCore
import NIOPosix

/// A server on the loopback that answers each request with whatever bytes a test wants. It counts connections and
/// requests.
package final class LittleServer: Sendable {
  package enum Reply: Sendable, CustomStringConvertible {
    case bytes(String)
    /// Sends byte by byte, with a pause after each.
    case slowly(String, pause: TimeAmount)
    /// Sends bytes, then closes the connection.
    case last(String)
    /// Sends nothing and keeps the connection open.
    case silence

    /// Short, because it appears in the names of test cases.
    package var description: String {
      switch self {
      case .bytes(let text), .slowly(let text, _), .last(let text): String(text.prefix(60))
      case .silence: "silence"
      }
    }
  }

  private final class Counts: @unchecked Sendable {  // Everything is touched under the lock only.
    private let lock = NSLock()
    private var accepted = 0
    private var heads: [String] = []

    var connections: Int { lock.withLock { accepted } }
    var requests: [String] { lock.withLock { heads } }

    func connected() { lock.withLock { accepted += 1 } }
    func requested(_ head: String) { lock.withLock { heads.append(head) } }
  }

  private let listener: any Channel
  private let counts: Counts

  /// - Parameter reply: returns the reply to a request (head and body as one text). Runs on the server's thread.
  package init(port: Int = 0, reply: @escaping @Sendable (String) -> Reply) async throws {
    let counts = Counts()
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        counts.connected()
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(reply: reply, requested: counts.requested))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    self.counts = counts
  }

  deinit { listener.close(promise: nil) }

  package var port: Int { listener.localAddress?.port ?? 0 }
  package var url: String { "http://127.0.0.1:\(port)" }
  /// The number of connections accepted so far.
  package var connections: Int { counts.connections }
  /// The requests so far, as texts.
  package var requests: [String] { counts.requests }

  /// A complete answer with a body.
  package static func answer(_ status: Int = 200, _ body: String = "", headers: [String] = []) -> Reply {
    let lines = ["HTTP/1.1 \(status) Status", "Content-Length: \(body.utf8.count)"] + headers
    return .bytes(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let reply: (String) -> Reply
    private let requested: (String) -> Void
    private var received = ""

    init(reply: @escaping (String) -> Reply, requested: @escaping (String) -> Void) {
      (self.reply, self.requested) = (reply, requested)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received += String(buffer: unwrapInboundIn(data))
      guard let request = Self.whole(received) else { return }
      received = ""
      requested(request)
      switch reply(request) {
      case .bytes(let text): send(text, context, promise: nil)
      case .last(let text):
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { [channel = context.channel] _ in channel.close(promise: nil) }
        send(text, context, promise: sent)
      case .slowly(let text, let pause): drip(Array(text.utf8)[...], pause, context)
      case .silence: break
      }
    }

    /// The request, if all of it has arrived.
    private static func whole(_ text: String) -> String? {
      guard let end = text.range(of: "\r\n\r\n") else { return nil }
      let lengths = text[..<end.lowerBound].split(separator: "\r\n").filter {
        $0.lowercased().hasPrefix("content-length:")
      }
      let length = lengths.first.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
      return text[end.upperBound...].utf8.count >= length ? text : nil
    }

    private func send(_ text: String, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: promise)
    }

    private func drip(_ rest: ArraySlice<UInt8>, _ pause: TimeAmount, _ context: ChannelHandlerContext) {
      guard let byte = rest.first, context.channel.isActive else { return }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [byte])), promise: nil)
      context.eventLoop.assumeIsolated().scheduleTask(in: pause) { [self] in drip(rest.dropFirst(), pause, context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
