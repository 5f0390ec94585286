import Common

/// What is wrong with a node although it answers. An answer alone must not look well.
struct NodeTrouble: Equatable {
  /// The class of the style sheet.
  let style: String
  let sign: String
  /// Stands after the word for its state.
  let word: String
  let reason: String

  /// Nil if the node tells of no trouble, or what it told is old.
  init?(_ node: ClusterView.Node) {
    guard node.state != .suspect, node.state.isReached, let health = node.health else { return nil }
    let reasons = health.reasons.isEmpty ? "it does not say why" : health.reasons.joined(separator: "; ")
    if health.isStoppedByRedis {
      self.init(style: "critical", sign: "✕", word: "cannot sell", reason: health.obstacleToSelling ?? reasons)
    } else {
      switch health.state {
      case .starting: self.init(style: "warning", sign: "!", word: "starting", reason: reasons)
      case .degraded: self.init(style: "warning", sign: "!", word: "degraded", reason: reasons)
      case .serving, .draining: return nil
      }
    }
  }

  private init(style: String, sign: String, word: String, reason: String) {
    (self.style, self.sign, self.word, self.reason) = (style, sign, word, reason)
  }
}
