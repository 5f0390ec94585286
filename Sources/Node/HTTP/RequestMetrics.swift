import CoreMetrics

/// Counts and latencies of requests by operation and outcome.
///
/// Handlers are looked up once: making a metric takes a lock and a dictionary, adding to it does not. Belongs to its
/// event loop.
final class RequestMetrics {
  static let help = [
    durationLabel: "Time from a complete request to its answer, by operation and outcome; 0 if refused before its end."
  ]

  private static let durationLabel = "holdfast_request_duration_seconds"

  private struct Key: Hashable {
    var operation: Operation?
    var outcome: Response.Outcome
  }

  private var durations: [Key: Timer] = [:]

  func record(_ operation: Operation?, _ outcome: Response.Outcome, nanoseconds: Int64) {
    duration(Key(operation: operation, outcome: outcome)).recordNanoseconds(nanoseconds)
  }

  private func duration(_ key: Key) -> Timer {
    if let known = durations[key] { return known }
    let timer = Timer(
      label: Self.durationLabel,
      dimensions: [("operation", key.operation?.rawValue ?? "none"), ("outcome", key.outcome.label)])
    durations[key] = timer
    return timer
  }
}
