import Common
import Logging
import NIOCore

/// What all connections of an event loop share: the gate, the way to the controllers, the counts.
///
/// Belongs to its event loop.
final class RequestDesk {
  struct Bounds: Sendable {
    /// Requests in flight, and open connections, before more are refused.
    var inFlight: Int
    var connections: Int
  }

  let gate: RequestGate
  private let bounds: Bounds
  private let dispatch: (Request, @escaping (Response) -> Void) -> Void
  private let metrics: RequestMetrics
  private let logger: Logger
  private let logsRequests: Bool
  private var encoder = ResponseEncoder()
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var lastRequest: UInt64 = 0
  private let requestIDPrefix = String(UInt32.random(in: .min ... .max), radix: 36) + "-"
  private(set) var inFlight = 0
  private(set) var answered = 0
  private(set) var serverErrors = 0
  /// While set, every answer closes its connection.
  var isDraining = false

  init(
    gate: RequestGate, bounds: Bounds, metrics: RequestMetrics, logger: Logger, logsRequests: Bool,
    dispatch: @escaping (Request, @escaping (Response) -> Void) -> Void
  ) {
    self.gate = gate
    self.bounds = bounds
    self.metrics = metrics
    self.logger = logger
    self.logsRequests = logsRequests
    self.dispatch = dispatch
  }

  // MARK: - Connections

  /// False if there are too many.
  func opened(_ connection: HTTPConnection) -> Bool {
    connections[ObjectIdentifier(connection)] = connection
    return connections.count <= bounds.connections
  }

  func closed(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  func tick(_ now: NIODeadline) {
    // A copy: a connection that closes takes itself off the list.
    for connection in Array(connections.values) { connection.tick(now) }
  }

  /// Ends what has not ended by itself.
  func closeAll() {
    for connection in Array(connections.values) { connection.abort() }
  }

  // MARK: - Requests

  func nextRequestID() -> String {
    lastRequest += 1
    return requestIDPrefix + String(lastRequest, radix: 36)
  }

  func serve(_ request: Request, answer: @escaping (Response) -> Void) {
    // Health must tell of an overload, not fall to it.
    guard inFlight < bounds.inFlight || request.operation.access == .everyone else {
      return answer(.problem(Problem(.overloaded, "\(inFlight) requests are in flight.", retryAfter: 1)))
    }
    inFlight += 1
    dispatch(request) { [self] response in
      inFlight -= 1
      answer(response)
    }
  }

  func encode(
    _ response: Response, requestID: String, closes: Bool, hasBody: Bool, allocator: ByteBufferAllocator
  ) -> ByteBuffer {
    encoder.encode(response, requestID: requestID, closes: closes, hasBody: hasBody, allocator: allocator)
  }

  /// Counts an answer, and logs it where that is asked for or needed.
  func note(_ response: Response, _ operation: Operation?, id: String, arrival: NIODeadline) {
    let elapsed = NIODeadline.now() - arrival
    answered += 1
    metrics.record(operation, response.outcome, nanoseconds: elapsed.nanoseconds)
    if response.status >= 500 { serverErrors += 1 }
    let level: Logger.Level = response.status == 500 ? .error : logsRequests ? .info : .debug
    logger.log(
      level: level, "request",
      metadata: [
        "requestID": "\(id)", "operation": "\(operation?.rawValue ?? "none")", "status": "\(response.status)",
        "outcome": "\(response.outcome.label)", "microseconds": "\(elapsed.nanoseconds / 1000)",
      ])
  }
}
