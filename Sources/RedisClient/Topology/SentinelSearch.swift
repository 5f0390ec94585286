/// One search for the master: which Sentinel to ask next, and what all their answers mean. Pure.
///
/// Sentinels are asked in turn, the one that answered last comes first, and the first that names a master is believed
/// (Redis documentation, "Guidelines for Redis clients with support for Redis Sentinel"). Whether that server is a master
/// indeed, the handshake of the link asks it.
struct SentinelSearch {
  enum Answer: Equatable {
    case master(ServerAddress)
    /// This Sentinel watches no master of that name.
    case nameUnknown
    /// It gave no answer, or one that tells nothing; in plain words.
    case failed(String)
  }

  enum Step: Equatable {
    case ask(ServerAddress)
    case found(ServerAddress)
    case failed(LocationFailure)
  }

  private let masterName: String
  private var left: ArraySlice<ServerAddress>
  private var strangers: [ServerAddress] = []
  private var failures: [String] = []

  /// - Parameter order: the Sentinels, in the order to ask them in.
  init(for masterName: String, order: [ServerAddress]) {
    (self.masterName, left) = (masterName, order[...])
  }

  mutating func start() -> Step { next() }

  /// The one that was asked last has answered, or will not.
  mutating func answered(_ answer: Answer, by sentinel: ServerAddress) -> Step {
    switch answer {
    case .master(let address): return .found(address)
    case .nameUnknown: strangers.append(sentinel)
    case .failed(let words): failures.append(words)
    }
    return next()
  }

  private mutating func next() -> Step {
    if let sentinel = left.popFirst() { return .ask(sentinel) }
    let reasons = failures.joined(separator: "; ")
    guard !strangers.isEmpty else {
      return .failed(LocationFailure(words: "no Sentinel answers: \(reasons)"))
    }
    let who = strangers.map(\.description).joined(separator: ", ")
    let others = reasons.isEmpty ? "" : "; no other Sentinel answers: \(reasons)"
    return .failed(
      LocationFailure(words: "the Sentinel at \(who) knows no master by the name \(masterName)\(others)"))
  }
}

extension SentinelSearch.Answer {
  /// - Parameter reply: to SENTINEL GET-MASTER-ADDR-BY-NAME.
  init(_ reply: RedisReply, from sentinel: ServerAddress) {
    switch reply {
    case .array(let parts):
      guard parts.count == 2, let host = parts[0].text, !host.isEmpty, let port = parts[1].text.flatMap({ Int($0) }),
        (1...65535).contains(port)
      else {
        self = .failed("\(sentinel) names no address of a server")
        return
      }
      self = .master(ServerAddress(host: host, port: port))
    case .null: self = .nameUnknown
    case .error(let line): self = .failed(LinkProblem.words(refusedBySentinel: sentinel, with: line))
    case .status, .bytes, .integer: self = .failed("\(sentinel) does not answer as a Sentinel does")
    }
  }
}
