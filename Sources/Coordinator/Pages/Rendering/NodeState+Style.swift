extension ClusterView.Node.State {
  /// The class of the style sheet.
  var style: String { rawValue.lowercased() }

  /// Stands beside the word, for people who don't see the colour.
  var sign: String {
    switch self {
    case .unknown: "?"
    case .up: "✓"
    case .suspect: "!"
    case .down: "✕"
    case .recovering: "↻"
    case .draining: "↓"
    case .left: "–"
    }
  }

  /// Whether what the node told last is still taken to be true.
  var isReached: Bool {
    switch self {
    case .up, .suspect, .recovering, .draining: true
    case .unknown, .down, .left: false
    }
  }
}
