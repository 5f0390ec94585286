/// The times and counts by which nodes are judged.
struct FailureDetectorTiming: Equatable, Sendable {
  /// Time between the starts of two probes of a node.
  var interval = Duration.seconds(1)
  /// Each interval differs by up to this share, so that nodes are not all asked at once for ever.
  var jitter = 0.1
  /// What is due within this window is started together: waking up costs more than a probe.
  var batchWindow = Duration.milliseconds(50)
  /// Time between probes while it matters: before the first judgement, and while an answer fails to come.
  var fastInterval = Duration.milliseconds(250)
  /// A node that is down is asked at twice the interval each time, up to this.
  var maxBackOff = Duration.seconds(5)
  /// Until the connection is made.
  var connectTimeout = Duration.milliseconds(250)
  /// Until the whole answer is there.
  var timeout = Duration.milliseconds(500)
  /// So many failures in a row make a node DOWN.
  var fall = 3
  /// So many answers in a row make a node UP that was DOWN. A node that flaps needs twice as many with each fall…
  var rise = 2
  /// …but never more than this.
  var maxRise = 16
  /// A fall counts as flapping for so long.
  var flapWindow = Duration.seconds(600)
  /// Probes of one node under way.
  var maxPending = 4

  /// The longest that a node can be dead without being DOWN, while the coordinator itself is in time.
  ///
  /// At worst the node dies just after it has answered. It still takes connections but answers nothing, so each failure
  /// takes the whole timeout.
  var worstDetection: Duration { interval * (1 + jitter) + fastInterval * (fall - 1) + timeout }

  /// What must hold between them.
  func check() {
    precondition(connectTimeout < timeout && fastInterval < interval && interval < maxBackOff, "the times must rise")
    precondition(
      (0..<1).contains(jitter) && batchWindow < interval, "a probe must not be due before the last one began")
    precondition(fastInterval * maxPending > timeout, "the probes of a silent node must be able to overlap")
    precondition(fall > 1, "one failure must not make a node DOWN")
    precondition(1...maxRise ~= rise, "the first rise must not need more answers than any later one")
  }
}
