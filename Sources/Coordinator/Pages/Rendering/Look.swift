import Common

/// How somebody looks at the cluster: all who do so in the same way see the same picture.
struct Look: Hashable, Sendable {
  /// The states of the nodes to be shown; all if empty.
  var states: Set<ClusterView.Node.State> = []
  /// Whether buttons are shown.
  var mayChange = false

  /// - Parameter query: `down`, `down,suspect`; nil for all.
  init(states query: String?, mayChange: Bool) throws(Problem) {
    self.mayChange = mayChange
    for name in query?.split(separator: ",") ?? [] {
      guard let state = ClusterView.Node.State(rawValue: name.uppercased()) else {
        let known = ClusterView.Node.State.allCases.map(\.style).joined(separator: ", ")
        throw Problem.invalid([Fault("query/state", "must be one or more of \(known), parted by commas")])
      }
      states.insert(state)
    }
  }

  func shows(_ node: ClusterView.Node) -> Bool { states.isEmpty || states.contains(node.state) }
}
