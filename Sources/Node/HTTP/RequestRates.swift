import NIOCore

/// Requests and failures per second, over the last few seconds.
struct RequestRates {
  private static let span = 5

  private var samples: [(at: NIODeadline, answered: Int, failed: Int)] = []

  mutating func sample(answered: Int, failed: Int, at now: NIODeadline) {
    if let last = samples.last {
      assert(last.at <= now && last.answered <= answered && last.failed <= failed, "time and counts only rise")
    }
    samples.append((now, answered, failed))
    if samples.count > Self.span + 1 { samples.removeFirst() }
  }

  var perSecond: (answered: Double, failed: Double) {
    guard let first = samples.first, let last = samples.last, last.at > first.at else { return (0, 0) }
    let seconds = Double((last.at - first.at).nanoseconds) / 1e9
    return (Double(last.answered - first.answered) / seconds, Double(last.failed - first.failed) / seconds)
  }
}
