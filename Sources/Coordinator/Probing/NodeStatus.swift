/// How a node stands in the eyes of the coordinator.
enum NodeStatus: String, Codable, CaseIterable, Sendable {
  /// Not judged yet.
  case unknown = "UNKNOWN"
  case up = "UP"
  /// It was up, and has failed to answer since.
  case suspect = "SUSPECT"
  case down = "DOWN"
  /// It was down and answers again, but not often enough yet to be trusted.
  case recovering = "RECOVERING"
  /// It answers, and says that it will end.
  case draining = "DRAINING"
  /// It has said that it ended.
  case left = "LEFT"

  /// It answers, or did so a moment ago. So no other process may take its id.
  var isAlive: Bool {
    switch self {
    case .up, .suspect, .recovering, .draining: true
    case .unknown, .down, .left: false
    }
  }
}
