import NIOCore
import NIOPosix

/// A TCP proxy on the loopback that imitates bad networks. It holds, drops, delays and splits bytes, and cuts
/// connections. A test can change the faults at any moment.
package final class ChaosProxy: Sendable {
  package enum Direction: CaseIterable, Sendable { case toServer, toClient }

  /// The faults of one direction. There are none by default.
  package struct Faults: Sendable {
    /// Bytes wait until this is false again. Then they are delivered, even if their sender has gone.
    package var holds = false
    /// Bytes vanish.
    package var drops = false
    /// How long each piece of bytes waits.
    package var delay = TimeAmount.zero
    /// Bytes leave one at a time.
    package var slices = false
    /// Both ends are closed after this many more bytes.
    package var cutAfter: Int?

    package init(
      holds: Bool = false, drops: Bool = false, delay: TimeAmount = .zero, slices: Bool = false, cutAfter: Int? = nil
    ) {
      (self.holds, self.drops, self.delay, self.slices, self.cutAfter) = (holds, drops, delay, slices, cutAfter)
    }
  }

  private let eventLoop: any EventLoop
  private let listener: any Channel
  private let state: NIOLoopBound<State>

  /// - Parameter server: the port on the loopback that connections are forwarded to.
  package init(to server: Int) async throws {
    // On its own threads, so that only the chosen faults slow bytes down.
    let eventLoop = ControlTimer.proxyThreads.next()
    let state = try await eventLoop.submit { NIOLoopBound(State(server: server), eventLoop: eventLoop) }.get()
    listener = try await ServerBootstrap(group: eventLoop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { client in state.value.accept(client) }
      .bind(host: "127.0.0.1", port: 0).get()
    (self.eventLoop, self.state) = (eventLoop, state)
  }

  deinit {
    let (listener, state) = (listener, state)
    listener.close(promise: nil)
    eventLoop.execute { state.value.cut() }
  }

  package var port: Int { listener.localAddress?.port ?? 0 }

  /// Sets the faults of current and later connections.
  package func set(_ direction: Direction, _ faults: Faults = Faults()) async throws {
    try await eventLoop.submit { [state] in state.value.set(direction, faults) }.get()
  }

  /// Sets the faults of later connections only.
  package func setForLater(_ direction: Direction, _ faults: Faults = Faults()) async throws {
    try await eventLoop.submit { [state] in state.value.faults[direction] = faults }.get()
  }

  /// Makes a partition until ``unite()``. Nothing passes between the server and the clients that `isApart` selects.
  /// Bytes and the ends of connections wait, in both directions. Each side sees the other as silent.
  ///
  /// - Parameter isApart: whether the client with this port is cut off. Called on the proxy's event loop.
  package func part(from isApart: @escaping @Sendable (_ port: Int) -> Bool) async throws {
    try await eventLoop.submit { [state] in state.value.part(from: isApart) }.get()
  }

  package func unite() async throws { try await part { _ in false } }

  /// Closes the connections of all clients. Bytes held on the way to the server stay.
  package func cutClients() async throws {
    try await eventLoop.submit { [state] in state.value.cutClients() }.get()
  }

  /// The number of bytes held now.
  package func held(_ direction: Direction) async throws -> Int {
    try await eventLoop.submit { [state] in state.value.held(direction) }.get()
  }

  /// Belongs to the event loop.
  private final class State {
    private let server: Int
    var faults: [Direction: Faults] = [:]
    private var flows: [(direction: Direction, flow: Flow)] = []
    private var isApart: (_ port: Int) -> Bool = { _ in false }

    init(server: Int) { self.server = server }

    func accept(_ client: any Channel) -> EventLoopFuture<Void> {
      let loop = client.eventLoop
      let port = client.remoteAddress?.port ?? 0
      let toServer = Flow(faults: faults[.toServer] ?? Faults(), port: port)
      let toClient = Flow(faults: faults[.toClient] ?? Faults(), port: port)
      for flow in [toServer, toClient] { flow.isParted = isApart(port) }
      flows.removeAll { $0.flow.isOver }
      flows += [(.toServer, toServer), (.toClient, toClient)]
      let (up, down) = (NIOLoopBound(toServer, eventLoop: loop), NIOLoopBound(toClient, eventLoop: loop))
      return loop.makeCompletedFuture { try client.pipeline.syncOperations.addHandler(toServer) }.flatMap { [server] in
        ClientBootstrap(group: loop)
          .channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .channelInitializer { upstream in
            loop.makeCompletedFuture { try upstream.pipeline.syncOperations.addHandler(down.value) }
          }
          .connect(host: "127.0.0.1", port: server)
      }.map { upstream in
        up.value.connect(from: client, to: upstream)
        down.value.connect(from: upstream, to: client)
      }.flatMapError { _ in client.close() }
    }

    func set(_ direction: Direction, _ faults: Faults) {
      self.faults[direction] = faults
      for each in flows where each.direction == direction { each.flow.set(faults) }
    }

    func part(from isApart: @escaping (_ port: Int) -> Bool) {
      self.isApart = isApart
      for each in flows { each.flow.isParted = isApart(each.flow.port) }
    }

    func cutClients() {
      for each in flows where each.direction == .toServer { each.flow.closeSource() }
    }

    func cut() {
      for each in flows { each.flow.cut() }
    }

    func held(_ direction: Direction) -> Int {
      flows.filter { $0.direction == direction }.reduce(0) { $0 + $1.flow.waitingBytes }
    }
  }
}

/// The bytes of one connection on their way in one direction.
private final class Flow: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var faults: ChaosProxy.Faults
  /// The port of the client of this connection.
  let port: Int
  var isParted = false { didSet { pump() } }
  private var source: (any Channel)?
  private var destination: (any Channel)?
  private var waiting = ByteBuffer()
  private var sourceIsClosed = false
  private var isPausing = false

  init(faults: ChaosProxy.Faults, port: Int) { (self.faults, self.port) = (faults, port) }

  var waitingBytes: Int { waiting.readableBytes }
  var isOver: Bool { destination?.isActive == false }

  func connect(from source: any Channel, to destination: any Channel) {
    (self.source, self.destination) = (source, destination)
    pump()
  }

  func set(_ faults: ChaosProxy.Faults) {
    self.faults = faults
    pump()
  }

  func closeSource() { source?.close(promise: nil) }

  func cut() {
    source?.close(promise: nil)
    destination?.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !faults.drops {
      waiting.writeImmutableBuffer(unwrapInboundIn(data))
    }
    pump()
  }

  func channelInactive(context: ChannelHandlerContext) {
    sourceIsClosed = true
    pump()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func pump() {
    guard !isParted else { return }
    while !isPausing, !faults.holds, let destination, waiting.readableBytes > 0 {
      if faults.cutAfter == 0 { return cut() }
      guard faults.slices || faults.delay > .zero else {
        send(waiting.readableBytes, to: destination)
        continue
      }
      isPausing = true
      // At least one turn of the loop, so that slices do not join again in the socket.
      destination.eventLoop.assumeIsolated().scheduleTask(in: max(faults.delay, .microseconds(50))) { [self] in
        isPausing = false
        if !faults.holds, !isParted { send(faults.slices ? 1 : waiting.readableBytes, to: destination) }
        pump()
      }
    }
    if sourceIsClosed, !isPausing, waiting.readableBytes == 0 { destination?.close(promise: nil) }
  }

  private func send(_ count: Int, to destination: any Channel) {
    let count = min(count, faults.cutAfter ?? count, waiting.readableBytes)
    guard let bytes = waiting.readSlice(length: count) else { return }
    if let cutAfter = faults.cutAfter { faults.cutAfter = cutAfter - count }
    destination.writeAndFlush(bytes, promise: nil)
    waiting.discardReadBytes()
    if faults.cutAfter == 0 { cut() }
  }
}
