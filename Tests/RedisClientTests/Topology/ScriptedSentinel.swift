import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A Sentinel on the loopback that says whatever a test wants. Real ones can't be made to contradict each other.
final class ScriptedSentinel: Sendable {
  /// What it does, and what it has seen.
  final class State: Sendable {
    private let contents: NIOLockedValueBox<(master: Int?, listens: Bool, connections: Int, questions: Int)>

    init(master: Int?, listens: Bool) { contents = NIOLockedValueBox((master, listens, 0, 0)) }

    var connections: Int { contents.withLockedValue { $0.connections } }
    var questions: Int { contents.withLockedValue { $0.questions } }
    func connected() { contents.withLockedValue { $0.connections += 1 } }

    /// Nil: no answer.
    func answer(to command: String) -> String? {
      contents.withLockedValue { state in
        if command.contains("SUBSCRIBE") {
          return state.listens ? "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n" : nil
        }
        guard command.contains("GET-MASTER-ADDR-BY-NAME") else { return "*2\r\n$4\r\npong\r\n$0\r\n\r\n" }
        state.questions += 1
        return state.master.map { "*2\r\n$9\r\n127.0.0.1\r\n$\("\($0)".count)\r\n\($0)\r\n" }
      }
    }
  }

  let state: State
  private let listener: any Channel

  /// - Parameters:
  ///   - master: the port of the master that it names. Nil for no answer.
  ///   - listens: whether it answers SUBSCRIBE.
  init(master: Int?, listens: Bool = true) async throws {
    let state = State(master: master, listens: listens)
    self.state = state
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        state.connected()
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(state: state))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  deinit { listener.close(promise: nil) }

  var port: Int { listener.localAddress?.port ?? 0 }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let state: State

    init(state: State) { self.state = state }

    /// Clients await each reply and commands are short, so each read brings exactly one command.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard let answer = state.answer(to: String(buffer: unwrapInboundIn(data))) else { return }
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
