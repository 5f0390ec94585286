import Common

/// Takes whole requests to their controllers, and refuses them while too many are in flight.
///
/// Belongs to its event loop.
final class Dispatcher {
  typealias Handler = (Request, @escaping (Response) -> Void) -> Void

  let traffic: Traffic
  private let maxInFlight: Int
  private let handle: Handler

  /// - Parameters:
  ///   - maxInFlight: requests in flight before more are refused.
  ///   - handle: finds the answer to a request.
  init(maxInFlight: Int, traffic: Traffic, handle: @escaping Handler) {
    (self.maxInFlight, self.traffic, self.handle) = (maxInFlight, traffic, handle)
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
}
