import Common
import Logging
import NIOCore

/// Takes whole requests to their controllers and counts what becomes of them. What all connections share stands here.
///
/// Belongs to its event loop.
final class Dispatcher {
  typealias Handler = (Request, @escaping (Response) -> Void) -> Void

  var validator: RequestValidator
  let connections: ConnectionTracker
  let proxies: TrustedProxies
  let traffic: Traffic
  var wrongTokens: WrongTokenGuard
  /// While set, every answer closes its connection.
  var isDraining = false
  private let maxInFlight: Int
  private let handle: Handler
  private let metrics = RequestMetrics()
  private let logger: Logger
  private let logsRequests: Bool
  private var encoder = ResponseEncoder()
  private var errors: StoreErrorLog
  private var lastRequest: UInt64 = 0
  private let requestIDPrefix = String(UInt32.random(in: .min ... .max), radix: 36) + "-"

  /// - Parameters:
  ///   - maxInFlight: requests in flight before more are refused.
  ///   - handle: finds the answer to a request.
  init(
    validator: RequestValidator, connections: ConnectionTracker, maxInFlight: Int, traffic: Traffic,
    proxies: TrustedProxies = TrustedProxies(nil), wrongTokens: WrongTokenGuard, logger: Logger, logsRequests: Bool,
    handle: @escaping Handler
  ) {
    (self.validator, self.connections, self.maxInFlight) = (validator, connections, maxInFlight)
    (self.traffic, self.proxies, self.wrongTokens) = (traffic, proxies, wrongTokens)
    (self.logger, self.logsRequests, self.handle) = (logger, logsRequests, handle)
    errors = StoreErrorLog(logger: logger)
  }

  func nextRequestID() -> String {
    lastRequest += 1
    return requestIDPrefix + String(lastRequest, radix: 36)
  }

  func serve(_ request: Request, answer: @escaping (Response) -> Void) {
    // Health must tell of an overload, not fall to it.
    guard traffic.inFlight < maxInFlight || request.operation.access == .everyone else {
      return answer(.problem(Problem(.overloaded, "\(traffic.inFlight) requests are in flight.", retryAfter: 1)))
    }
    traffic.began()
    handle(request) { [traffic] response in
      traffic.ended()
      answer(response)
    }
  }

  func encode(
    _ response: Response, requestID: String, closes: Bool, hasBody: Bool, allocator: ByteBufferAllocator
  ) -> ByteBuffer {
    encoder.encode(response, requestID: requestID, closes: closes, hasBody: hasBody, allocator: allocator)
  }

  /// Counts an answer, and logs it where that is asked for or needed.
  ///
  /// - Parameter arrival: when the request was complete; of one that is refused before, when it was refused. The time
  ///   until then is the client's.
  func note(
    _ response: Response, _ operation: Operation?, id: String, client: @autoclosure () -> String, arrival: NIODeadline,
    at now: NIODeadline
  ) {
    let elapsed = now - arrival
    traffic.answered(isServerError: response.status >= 500 && operation?.tellsOfHealth != true)
    metrics.record(operation, response.outcome, nanoseconds: elapsed.nanoseconds)
    if let cause = response.cause { errors.note(cause, id: id, operation, at: now) }
    // Faults of the store are told above, and not for each request.
    let isOurs = response.outcome == .problem(.internalError) && response.cause == nil
    let level: Logger.Level = isOurs ? .error : logsRequests ? .info : .debug
    logger.log(
      level: level, "request",
      metadata: [
        "requestID": "\(id)", "client": "\(client())", "operation": "\(operation?.rawValue ?? "none")",
        "status": .number(response.status), "outcome": "\(response.outcome.label)",
        "microseconds": .number(elapsed.nanoseconds / 1000),
      ])
  }
}

extension Operation {
  /// "Not ready" is what load balancers ask for, not an error: else a drain would look like a fault.
  fileprivate var tellsOfHealth: Bool {
    switch self {
    case .live, .ready, .health: true
    default: false
    }
  }
}
