/// One search for the master: which Sentinel to ask next, and what their answers mean. Pure.
///
/// Sentinels are asked in turn. The one that answered last comes first, and the first that names a master is believed
/// (Redis documentation, "Guidelines for Redis clients with support for Redis Sentinel"). The handshake of the link
/// checks that the server really is a master.
struct SentinelSearch {
  enum Answer: Equatable {
    case master(ServerAddress)
    /// This Sentinel watches no master of that name.
    case nameUnknown
    /// It gave no answer. The text says why, in plain words.
    case silent(String)
    /// Its answer names no server. The text describes it, in plain words.
    case useless(String)
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
  private var hasAnswered = false

  /// - Parameter order: the Sentinels, in the order to ask them in.
  init(for masterName: String, order: [ServerAddress]) {
    (self.masterName, left) = (masterName, order[...])
  }

  mutating func start() -> Step { next() }

  /// Takes the answer of the Sentinel that was asked last, or the news that none will come.
  mutating func answered(_ answer: Answer, by sentinel: ServerAddress) -> Step {
    switch answer {
    case .master(let address): return .found(address)
    case .nameUnknown: strangers.append(sentinel)
    case .silent(let words): failures.append(words)
    case .useless(let words):
      failures.append(words)
      hasAnswered = true
    }
    return next()
  }

  private mutating func next() -> Step {
    if let sentinel = left.popFirst() { return .ask(sentinel) }
    let reasons = failures.joined(separator: "; ")
    guard !strangers.isEmpty else {
      let what = hasAnswered ? "no Sentinel names the master" : "no Sentinel answers"
      return .failed(LocationFailure(words: "\(what): \(reasons)"))
    }
    let who = strangers.map(\.description).joined(separator: ", ")
    let others = reasons.isEmpty ? "" : "; no other one names the master: \(reasons)"
    return .failed(
      LocationFailure(words: "the Sentinel at \(who) knows no master by the name \(masterName)\(others)"))
  }
}

extension SentinelSearch.Answer {
  /// - Parameters:
  ///   - reply: the reply to SENTINEL GET-MASTER-ADDR-BY-NAME.
  ///   - login: what the operator calls user and password.
  init(_ reply: RedisReply, from sentinel: ServerAddress, login: SentinelAccess.LoginNames?) {
    switch reply {
    case .array(let parts):
      guard parts.count == 2, let host = parts[0].text, !host.isEmpty, let port = parts[1].text.flatMap({ Int($0) }),
        (1...65535).contains(port)
      else {
        self = .useless("\(sentinel) names no address of a server")
        return
      }
      self = .master(ServerAddress(host: host, port: port))
    case .null: self = .nameUnknown
    case .error(let line): self = .useless(LinkProblem.words(refusedBySentinel: sentinel, with: line, login: login))
    case .status, .bytes, .integer: self = .useless("\(sentinel) does not answer as a Sentinel does")
    }
  }
}
