/// One look for the slot map of a Cluster: which server to ask next, and what their answers mean. Pure.
///
/// The first server that is sure is believed. One that has lost sight of most masters is not sure: what it knows may be
/// long past.
struct SlotSearch {
  enum Answer: Equatable {
    case slots(SlotMap, isSure: Bool)
    /// It has given no map. The text says why, in plain words.
    case none(String)
  }

  enum Step: Equatable {
    case ask(ServerAddress)
    case found(SlotMap)
    /// In plain words.
    case failed(String)
  }

  private var left: ArraySlice<ServerAddress>
  private let takesUnsure: Bool
  private var unsure: SlotMap?
  private var failures: [String] = []

  /// - Parameters:
  ///   - order: the servers, in the order to ask them in.
  ///   - takesUnsure: whether an unsure server is believed if nobody is sure: only where nothing is known yet.
  init(order: [ServerAddress], takesUnsure: Bool) { (left, self.takesUnsure) = (order[...], takesUnsure) }

  mutating func start() -> Step { next() }

  /// Takes the answer of the server that was asked last.
  mutating func answered(_ answer: Answer) -> Step {
    switch answer {
    case .slots(let map, isSure: true): return .found(map)
    case .slots(let map, isSure: false): unsure = unsure ?? map
    case .none(let words): if !failures.contains(words) { failures.append(words) }
    }
    return next()
  }

  private mutating func next() -> Step {
    if let server = left.popFirst() { return .ask(server) }
    if let unsure, takesUnsure { return .found(unsure) }
    if unsure != nil { failures.append("those that answer have lost sight of most masters") }
    return .failed("no server of the Cluster tells which slots are where: \(failures.joined(separator: "; "))")
  }
}

extension SlotSearch.Answer {
  /// - Parameters:
  ///   - state: the reply to CLUSTER INFO.
  ///   - slots: the reply to CLUSTER SLOTS.
  init(state: RedisReply?, slots: RedisReply, from problem: LinkProblem) {
    if case .error(let line) = slots {
      self = .none(problem.words(clusterRefusedWith: line))
      return
    }
    guard let map = SlotMap(slots, from: problem.url.address) else {
      self = .none("\(problem.server) does not answer CLUSTER SLOTS as Redis does")
      return
    }
    self = .slots(map, isSure: state?.text?.contains("cluster_state:ok") == true)
  }
}

extension LinkProblem {
  /// - Parameter line: the error line with which a server refuses CLUSTER SLOTS.
  func words(clusterRefusedWith line: String) -> String {
    line.lowercased().contains("cluster support disabled")
      ? "Redis at \(server) does not run in cluster mode: the URL must begin with \(url.usesTLS ? "rediss" : "redis")://"
      : words(refusedWith: line, to: "CLUSTER SLOTS")
  }
}
