import Common
import CoreMetrics
import Logging
import NIOCore
import Store

/// What all connections of an event loop share: the gate, the way to the controllers, the counts.
///
/// Belongs to its event loop.
final class RequestDesk {
  struct Bounds: Sendable {
    /// Requests in flight, and open connections, before more are refused.
    var inFlight: Int
    var connections: Int
  }

  var gate: RequestGate
  let proxies: TrustedProxies
  private let bounds: Bounds
  private let dispatch: (Request, @escaping (Response) -> Void) -> Void
  private let metrics: RequestMetrics
  private let logger: Logger
  private let logsRequests: Bool
  private var encoder = ResponseEncoder()
  private var errors: StoreErrorLog
  private var wrongTokens = WrongTokens(budget: wrongTokenBudget)
  private let wrongTokenCount = Counter(label: wrongTokenMetric)
  private var delayed = 0
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
    proxies: TrustedProxies = TrustedProxies(nil), dispatch: @escaping (Request, @escaping (Response) -> Void) -> Void
  ) {
    self.gate = gate
    self.proxies = proxies
    self.bounds = bounds
    self.metrics = metrics
    self.logger = logger
    errors = StoreErrorLog(logger: logger)
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

  // MARK: - Wrong tokens

  static let wrongTokenMetric = "holdfast_wrong_tokens_total"
  static let wrongTokenBudget = WrongTokens.Budget(tokens: 10, period: .seconds(10))
  /// Refusals beyond the budget of their address come so much later, and so many of them may wait.
  static let wrongTokenDelay = TimeAmount.milliseconds(500)
  static let mostDelayed = 128

  /// Counts and tells of a wrong token.
  ///
  /// - Returns: whether its refusal is to be held back.
  func noteWrongToken(of client: String, at now: ContinuousClock.Instant = .now) -> Bool {
    wrongTokenCount.increment()
    let group = AddressGroup(client)
    let finding = wrongTokens.note(group, at: now)
    if let count = finding.lineWithCount {
      logger.warning("wrong tokens", metadata: ["client": "\(group)", "sinceLastLine": .number(count)])
    }
    return finding.isOverBudget
  }

  /// Whether a refusal may be held back now; then ``endDelay()`` must follow.
  func beginDelay() -> Bool {
    guard delayed < Self.mostDelayed else { return false }
    delayed += 1
    return true
  }

  func endDelay() { delayed -= 1 }

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
  func note(
    _ response: Response, _ operation: Operation?, id: String, client: @autoclosure () -> String, arrival: NIODeadline
  ) {
    let elapsed = NIODeadline.now() - arrival
    answered += 1
    metrics.record(operation, response.outcome, nanoseconds: elapsed.nanoseconds)
    if response.status >= 500, !Self.tellsOfHealth(operation) { serverErrors += 1 }
    if let cause = response.cause { errors.note(cause, id: id, operation) }
    // What the store is to blame for is told there, and not for each request.
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

  /// "Not ready" is what load balancers ask for, not an error: else a drain would look like a fault.
  private static func tellsOfHealth(_ operation: Operation?) -> Bool {
    switch operation {
    case .live, .ready, .health: true
    default: false
    }
  }
}
