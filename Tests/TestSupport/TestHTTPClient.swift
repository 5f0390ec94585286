import NIOCore
import NIOPosix

/// Why a request has no answer. Its effect is unknown.
package enum NoAnswer: Error, Equatable {
  case noConnection(String)
  /// The connection ended first.
  case closed
  case late(after: Duration)
  case malformed(String)
}

/// An HTTP client of one server. It keeps connections alive, opens one for each concurrent request, and measures the
/// time of each answer. It measures on an event loop that only clients use, so that busy tests do not distort the time.
package final class TestHTTPClient: Sendable {
  private let eventLoop: any EventLoop
  private let pool: NIOLoopBoundBox<ConnectionPool>

  package init(port: Int) {
    eventLoop = ControlTimer.eventLoop
    pool = .makeBoxSendingValue(ConnectionPool(port: port, eventLoop: eventLoop), eventLoop: eventLoop)
  }

  deinit {
    let pool = pool
    eventLoop.execute { pool.value.close() }
  }

  /// - Throws: ``NoAnswer``.
  package func send(_ request: TestRequest, within limit: Duration = .seconds(30)) async throws -> TestAnswer {
    let (pool, bytes, control) = (pool, ByteBuffer(bytes: request.bytes), ControlTimer.shared)
    let began = ContinuousClock.now
    var answer = try await eventLoop.flatSubmit { pool.value.send(bytes, within: TimeAmount(limit)) }.get()
    answer.allowance = control.allowance(since: began)
    answer.isOfStarved = control.isStarved(since: began)
    return answer
  }
}

/// The connections of a client. Belongs to its event loop.
private final class ConnectionPool {
  private let port: Int
  private let eventLoop: any EventLoop
  private var idle: [ClientConnection] = []
  private var isClosed = false

  init(port: Int, eventLoop: any EventLoop) {
    self.port = port
    self.eventLoop = eventLoop
  }

  func send(_ request: ByteBuffer, within limit: TimeAmount) -> EventLoopFuture<TestAnswer> {
    let promise = eventLoop.makePromise(of: TestAnswer.self)
    while let connection = idle.popLast() {
      guard connection.isOpen else { continue }
      connection.send(request, within: limit, promise)
      return promise.futureResult
    }
    let pool = NIOLoopBound(self, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connectTimeout(limit)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ClientConnection(pool: pool.value))
        }
      }
      .connect(host: "127.0.0.1", port: port)
      .whenComplete { result in
        do {
          let connection = try result.get().pipeline.syncOperations.handler(type: ClientConnection.self)
          connection.send(request, within: limit, promise)
        } catch {
          promise.fail(NoAnswer.noConnection("\(error)"))
        }
      }
    return promise.futureResult
  }

  func takeBack(_ connection: ClientConnection) {
    if isClosed { connection.close() } else { idle.append(connection) }
  }

  func close() {
    isClosed = true
    for connection in idle { connection.close() }
  }
}

/// One connection with at most one request at a time.
private final class ClientConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Exchange {
    var promise: EventLoopPromise<TestAnswer>
    var began: NIODeadline
    var limit: Scheduled<Void>
  }

  private let pool: ConnectionPool
  private var context: ChannelHandlerContext?
  private var reader = AnswerReader()
  private var exchange: Exchange?

  init(pool: ConnectionPool) { self.pool = pool }

  var isOpen: Bool { context?.channel.isActive ?? false }

  func close() { context?.close(promise: nil) }

  func send(_ request: ByteBuffer, within limit: TimeAmount, _ promise: EventLoopPromise<TestAnswer>) {
    guard let context, isOpen else { return promise.fail(NoAnswer.closed) }
    let timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [self] in
      end(.failure(.late(after: Duration(limit))))
    }
    exchange = Exchange(promise: promise, began: .now(), limit: timer)
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reader.feed(unwrapInboundIn(data))
    do throws(AnswerReader.Malformed) {
      while let answer = try reader.next() { end(.success(answer)) }
    } catch {
      end(.failure(.malformed(error.description)))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(.failure(.closed))
    self.context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func end(_ result: Result<TestAnswer, NoAnswer>) {
    guard let exchange else {
      // Otherwise this unexpected answer would become the answer to the next request.
      if case .success = result { close() }
      return
    }
    self.exchange = nil
    exchange.limit.cancel()
    switch result {
    case .success(var answer):
      answer.elapsed = Duration(.now() - exchange.began)
      if answer.closesConnection { close() } else { pool.takeBack(self) }
      exchange.promise.succeed(answer)
    case .failure(let failure):
      exchange.promise.fail(failure)
      close()
    }
  }
}
