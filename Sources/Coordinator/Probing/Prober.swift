import Common

/// Asks nodes how they are.
struct Prober: Sendable {
  /// How a probe has ended.
  struct Ending: Sendable {
    let probe: Registry.Probe
    let result: Result<IncomingAnswer, ExchangeFailure>
    let told: ContinuousClock.Instant
  }

  /// A health report is a tenth of it.
  static let maxBytes = 64 << 10

  let client: CurlClient
  let timing: FailureDetectorTiming

  /// - Parameter completion: called once, on the client's thread.
  func send(_ probe: Registry.Probe, completion: @escaping @Sendable (Ending) -> Void) {
    var request = OutgoingRequest(url: probe.url, connectLimit: timing.connectLimit, limit: timing.limit)
    request.maxBodyBytes = Self.maxBytes
    client.send(request) { completion(Ending(probe: probe, result: $0, told: .now)) }
  }

  /// What an answer says; whose answer it is, is for the registry to judge.
  func read(_ ending: Ending) -> Result<HealthReport, ProbeFailure> {
    switch ending.result {
    case .failure(let failure): return .failure(ProbeFailure(failure, limit: timing.limit))
    case .success(let answer) where answer.status != 200: return .failure(.status(answer.status))
    case .success(let answer):
      guard let report = try? answer.body.withUnsafeBytes({ try HealthReport(JSONValue(parsing: $0)) }) else {
        return .failure(.noHealthReport)
      }
      return .success(report.bounded)
    }
  }
}
