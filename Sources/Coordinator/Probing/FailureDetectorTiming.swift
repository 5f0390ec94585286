/// The times and counts by which nodes are judged. A test asserts what must hold between them.
struct FailureDetectorTiming: Equatable, Sendable {
  /// Time between the starts of probes…
  var interval = Duration.seconds(1)
  /// …give or take this share, so that nodes are not all asked at once for ever.
  var spread = 0.1
  /// What is due within this is started together, as each waking costs more than a probe: within the spread, too.
  var together = Duration.milliseconds(50)
  /// Time between the starts of probes while it matters: before the first judgement, and when an answer fails to come.
  var hurry = Duration.milliseconds(250)
  /// A node that is down is asked at twice the interval each time, up to this.
  var backOff = Duration.seconds(5)
  /// Most time until the connection is made…
  var connectLimit = Duration.milliseconds(250)
  /// …and until the whole answer is there.
  var limit = Duration.milliseconds(500)
  /// So many failures in a row make a node DOWN.
  var fall = 3
  /// So many answers in a row make one that was DOWN UP again: doubled with each further fall of a flapping node…
  var rise = 2
  /// …but never more than this.
  var maxRise = 16
  /// A fall counts as flapping for so long.
  var flapMemory = Duration.seconds(600)
  /// Most probes of one node under way.
  var maxPending = 4

  /// The longest that a node can be dead without being DOWN, if the coordinator itself is in time: it dies just after
  /// it has answered, and takes connections but does not answer any more, so that each failure takes the whole limit.
  var worstDetection: Duration { interval * (1 + spread) + hurry * (fall - 1) + limit }
}
