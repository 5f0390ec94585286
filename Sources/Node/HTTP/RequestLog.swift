import Common
import Logging
import NIOCore

/// Counts answers, and logs them where that is asked for or needed. Belongs to its event loop.
final class RequestLog {
  private let traffic: Traffic
  private let metrics = RequestMetrics()
  private let logger: Logger
  private let logsRequests: Bool
  private var errors: StoreErrorLog

  /// - Parameter logsRequests: whether each request has a line at the usual level.
  init(traffic: Traffic, logger: Logger, logsRequests: Bool) {
    (self.traffic, self.logger, self.logsRequests) = (traffic, logger, logsRequests)
    errors = StoreErrorLog(logger: logger)
  }

  /// An answer leaves.
  ///
  /// - Parameter arrival: when the request was complete; of one that is refused before, when it was refused. The time
  ///   until then is the client's.
  func note(
    _ response: Response, to operation: Operation?, id: String, client: @autoclosure () -> String,
    arrival: NIODeadline, at now: NIODeadline
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
