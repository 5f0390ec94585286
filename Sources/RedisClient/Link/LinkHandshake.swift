/// What is said at the beginning of each connection, and what the answers mean.
struct LinkHandshake {
  enum Step: Equatable, Sendable {
    case authenticate, select, name
    case load(script: String)
    case connectionID
    case ask(LinkQuestion)
  }

  enum Verdict: Equatable {
    case goOn
    case connection(Int64)
    /// The last one: Redis's clock, epoch milliseconds.
    case completed(time: Int64)
    case refused(String)
  }

  let steps: [(step: Step, command: RedisArguments)]
  private let problem: LinkProblem

  /// - Parameter problem: of the server that it is said to.
  init(_ problem: LinkProblem, _ configuration: RedisLink.Configuration) {
    self.problem = problem
    let (url, key) = (problem.url, configuration.vacantKey)
    var steps: [(Step, RedisArguments)] = []
    if let login = Self.login(url) { steps.append((.authenticate, login)) }
    if url.database != 0 { steps.append((.select, RedisArguments("SELECT", "\(url.database)"))) }
    steps.append((.name, RedisArguments("CLIENT", "SETNAME", configuration.clientName)))
    // Before anything that has waited is sent: nothing is ever read from a replica.
    for question in [LinkQuestion.role, .write] {
      steps.append((.ask(question), question.arguments(vacantKey: key)))
    }
    for script in configuration.scripts {
      steps.append((.load(script: script.name), RedisArguments("SCRIPT", "LOAD", script.source)))
    }
    steps.append((.connectionID, RedisArguments("CLIENT", "ID")))
    steps.append((.ask(.time), LinkQuestion.time.arguments(vacantKey: key)))
    self.steps = steps
  }

  /// What tells the server who we are; nil if that is nobody's business.
  static func login(_ url: RedisURL) -> RedisArguments? {
    url.password.map { password in
      url.user.map { RedisArguments("AUTH", $0, password) } ?? RedisArguments("AUTH", password)
    }
  }

  func verdict(on reply: RedisReply, to step: Step) -> Verdict {
    switch (step, reply) {
    case (.ask(.role), _):
      // Where it can't be told, the write tells.
      return ServerRole(reply).obstacle(at: problem.server).map { .refused($0) } ?? .goOn
    case (.ask(.write), .error(let line)):
      // Whatever else is in the way of writes, reads are served.
      guard case .readOnly = RedisFailure.Rejection(line: line) else { return .goOn }
      return .refused(problem.words(refusedWith: line))
    case (_, .error(let line)): return .refused(problem.words(refusedWith: line, to: step.text))
    case (.ask(.time), _):
      guard let time = reply.timeMilliseconds else { return .refused("TIME was answered with \(reply)") }
      return .completed(time: time)
    case (.connectionID, .integer(let number)): return .connection(number)
    default: return .goOn
    }
  }
}

extension LinkHandshake.Step {
  /// The command, for people; never with its arguments, which may be secret.
  var text: String {
    switch self {
    case .authenticate: "AUTH"
    case .select: "SELECT"
    case .name: "CLIENT SETNAME"
    case .load(let script): "SCRIPT LOAD (\(script))"
    case .connectionID: "CLIENT ID"
    case .ask(.time): "TIME"
    case .ask(.role): "ROLE"
    case .ask(.clients): "CLIENT LIST"
    case .ask(.write): "DEL"
    }
  }
}
