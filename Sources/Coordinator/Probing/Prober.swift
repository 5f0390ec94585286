import Common

/// Asks nodes how they are.
struct Prober: Sendable {
  /// How a probe ended.
  struct Ending: Sendable {
    let probe: Probe
    let result: Result<IncomingAnswer, ExchangeFailure>
    /// When that was noticed.
    let told: ContinuousClock.Instant
  }

  /// A health report has a tenth of this.
  static let maxBytes = 64 << 10

  let client: CurlClient
  let timing: FailureDetectorTiming
  let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameter completion: called once, on the client's thread.
  func send(_ probe: Probe, completion: @escaping @Sendable (Ending) -> Void) {
    var request = OutgoingRequest(url: probe.url, connectTimeout: timing.connectTimeout, timeout: timing.timeout)
    request.maxBodyBytes = Self.maxBytes
    client.send(request) { [now] in completion(Ending(probe: probe, result: $0, told: now())) }
  }

  /// What an answer says. Whose answer it is, the registry judges.
  func read(_ ending: Ending) -> Result<HealthReport, ProbeFailure> {
    switch ending.result {
    case .failure(let failure): return .failure(ProbeFailure(failure, timeout: timing.timeout))
    case .success(let answer) where answer.status != 200: return .failure(.status(answer.status))
    case .success(let answer):
      guard let report = try? answer.body.withUnsafeBytes({ try HealthReport(JSONValue(parsing: $0)) }) else {
        return .failure(.noHealthReport)
      }
      return .success(report.bounded)
    }
  }
}
