import Common
import NIOCore

/// What passes through the node: requests in flight, answered, failed. Belongs to the event loop of requests.
final class Traffic {
  private(set) var inFlight = 0
  private(set) var answered = 0
  /// Answers with a 5xx status, but for those of health checks.
  private(set) var serverErrors = 0
  private var rates = RequestRates()

  func began() { inFlight += 1 }

  func ended() {
    assert(inFlight > 0, "each request ends once")
    inFlight -= 1
  }

  func answered(isServerError: Bool) {
    answered += 1
    if isServerError { serverErrors += 1 }
  }

  /// Called once a second: rates are of the last few calls.
  func sample(at now: NIODeadline) { rates.sample(answered: answered, failed: serverErrors, at: now) }

  var report: HealthReport.Requests {
    let perSecond = rates.perSecond
    return HealthReport.Requests(
      inFlight: inFlight, ratePerSecond: perSecond.answered.rounded(decimals: 1),
      errorsPerSecond: perSecond.failed.rounded(decimals: 1), total: answered, errors: serverErrors)
  }
}
