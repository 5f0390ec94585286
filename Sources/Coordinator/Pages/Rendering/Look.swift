import Common

/// How somebody looks at the cluster. All who look in the same way see the same picture.
struct Look: Hashable, Sendable {
  /// Only nodes in these states are shown; all nodes if it is empty.
  var states: Set<ClusterView.Node.State> = []
  /// Whether buttons are shown.
  var mayChange = false
  /// Whether a page without script reloads itself.
  var reloads = true

  init() {}

  /// - Parameters:
  ///   - query: `down`, `down,suspect`; nil for all.
  ///   - reload: `off`, or anything else.
  init(states query: String?, reload: String? = nil, mayChange: Bool) throws(Problem) {
    self.mayChange = mayChange
    reloads = reload != "off"
    for name in query?.split(separator: ",") ?? [] {
      guard let state = ClusterView.Node.State(rawValue: name.uppercased()) else {
        let known = ClusterView.Node.State.allCases.map(\.style).joined(separator: ", ")
        throw Problem.invalid([Fault("query/state", "must be one or more of \(known), parted by commas")])
      }
      states.insert(state)
    }
  }

  func shows(_ node: ClusterView.Node) -> Bool { states.isEmpty || states.contains(node.state) }

  func only(_ states: Set<ClusterView.Node.State>) -> Look {
    var look = self
    look.states = states
    return look
  }

  func reloading(_ reloads: Bool) -> Look {
    var look = self
    look.reloads = reloads
    return look
  }

  /// What an address ends in, to be looked at in this way; empty if nothing.
  var query: String {
    let names = ClusterView.Node.State.allCases.filter(states.contains).map(\.style).joined(separator: ",")
    let parts = (names.isEmpty ? [] : ["state=\(names)"]) + (reloads ? [] : ["reload=off"])
    return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
  }
}
