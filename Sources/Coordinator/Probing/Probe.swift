/// A question to one node: how are you?
struct Probe: Equatable, Sendable {
  var node: String
  /// Greater than those of all probes before, of whichever node.
  var number: Int
  var url: String
  var began: ContinuousClock.Instant
}
