import Common
import Logging
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Store
import UnixSignals

/// Listens for HTTP, and stops without losing a request.
///
/// When told to stop, the node first keeps serving for the lame-duck time. `/health/ready` says 503 meanwhile, so that
/// load balancers turn away by themselves. Then the node stops listening, finishes what is in flight, and closes.
struct HTTPServer: Service {
  /// What is in flight when the listener closes may take so long.
  static let finishLimit = Duration.seconds(10)
  private static let tick = TimeAmount.milliseconds(250)
  private static let bytesPerTurn = 4096

  let host: String
  let port: Int
  let drainDelay: Duration
  let connections: NIOLoopBound<ConnectionContext>
  /// Told once, with its port, when the node listens.
  let serves: @Sendable (Int) -> Void
  /// Told once when the node is to stop.
  let willDrain: @Sendable () -> Void
  let logger: Logger

  private var eventLoop: any EventLoop { connections.eventLoop }

  func run() async throws {
    precondition(Duration(Budget.answer) < Self.finishLimit, "what is in flight must be able to end")
    precondition(Self.tick < ConnectionMachine.lingerLimit, "time must pass for connections in steps that they notice")
    let quiescing = ServerQuiescingHelper(group: eventLoop)
    let channel = try await bind(quiescing)
    logger.info("serving", metadata: ["address": "\(channel.localAddress.map { "\($0)" } ?? "")"])
    serves(channel.localAddress?.port ?? port)
    let (connections, eventLoop) = (connections, eventLoop)
    let ticks = eventLoop.scheduleRepeatedTask(initialDelay: Self.tick, delay: Self.tick) { _ in
      connections.value.tracker.tick(at: eventLoop.now)
    }
    defer { ticks.cancel() }

    // The first signal stops the process (see NodeProcess); the second one ends the waiting.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try? await gracefulShutdown()
    logger.info("draining", metadata: ["seconds": .seconds(drainDelay)])
    willDrain()
    await lameDuck(signals)
    try await finish(quiescing)
    logger.info("stopped")
  }

  private func bind(_ quiescing: ServerQuiescingHelper) async throws -> any Channel {
    let (connections, logger) = (connections, logger)
    return try await ServerBootstrap(group: eventLoop)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: logger))
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // One read per readiness: the second would nearly always find nothing, at the price of a system call.
      .childChannelOption(.maxMessagesPerRead, value: 1)
      // So much is read of one connection in a turn of the loop. Of a client that pipelines thousands of requests, the
      // next ones are read when the selector has seen to all others. (Tasks that are put off run within the same turn.)
      .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerTurn))
      // A client may send its request, close its side, and wait for the answer.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try Self.makeConnection(on: channel, sharing: connections.value)
        }
      }
      .bind(host: host, port: port).get()
  }

  /// Makes a channel an HTTP connection.
  static func makeConnection(on channel: any Channel, sharing shared: ConnectionContext) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = HTTPLimits.maxHeadBytes
    // The validator judges to the byte what of it is the client's own.
    limits.maxHeaderListSize = HTTPLimits.maxHeadBytes + HTTPLimits.maxProxyHeadBytes
    // Bytes are what is limited, not fields: no field has fewer than four (`a:` and the end of its line).
    limits.maxHeaderFieldCount = HTTPLimits.maxHeadBytes / 4
    let decoder = RequestDecoder(limits)
    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder))
    try channel.pipeline.syncOperations.addHandler(
      HTTPConnection(sharing: shared, decoder: decoder, eventLoop: channel.eventLoop))
  }

  /// Waits for the lame-duck time, or until a second signal.
  private func lameDuck(_ signals: UnixSignalsSequence) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: drainDelay) }
      group.addTask {
        var isFirst = true
        for await _ in signals {
          if !isFirst { return }
          isFirst = false
        }
      }
      await group.next()
      group.cancelAll()
    }
  }

  private func finish(_ quiescing: ServerQuiescingHelper) async throws {
    let closed = eventLoop.makePromise(of: Void.self)
    quiescing.initiateShutdown(promise: closed)
    let connections = connections
    let limit = eventLoop.scheduleTask(in: .init(Self.finishLimit)) { connections.value.tracker.closeAll() }
    try await closed.futureResult.get()
    limit.cancel()
  }
}
