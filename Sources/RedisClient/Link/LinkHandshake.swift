/// The commands sent at the start of each connection, and what their answers mean.
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
    /// The last step is done. `time` is Redis's clock in epoch milliseconds.
    case completed(time: Int64)
    case refused(String)
  }

  let steps: [(step: Step, command: RedisArguments)]
  private let problem: LinkProblem

  /// - Parameter problem: describes problems of the server that the handshake is sent to.
  init(_ problem: LinkProblem, _ configuration: RedisLink.Configuration) {
    self.problem = problem
    let (url, key) = (problem.url, configuration.vacantKey)
    var steps: [(Step, RedisArguments)] = []
    if let login = Self.login(url) { steps.append((.authenticate, login)) }
    if url.database != 0 { steps.append((.select, RedisArguments("SELECT", "\(url.database)"))) }
    steps.append((.name, RedisArguments("CLIENT", "SETNAME", configuration.clientName)))
    // Asked before any queued command is sent, so that nothing is ever read from a replica.
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

  /// The command that logs us in. Nil if no password is set.
  static func login(_ url: RedisURL) -> RedisArguments? {
    url.password.map { password in
      url.user.map { RedisArguments("AUTH", $0, password) } ?? RedisArguments("AUTH", password)
    }
  }

  func verdict(on reply: RedisReply, to step: Step) -> Verdict {
    switch (step, reply) {
    case (.ask(.role), _):
      // If ROLE does not say it, the answer to the write does.
      return ServerRole(reply).obstacle(at: problem.server).map { .refused($0) } ?? .goOn
    case (.ask(.write), .error(let line)):
      // Other errors stop only writes: Redis still serves reads.
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
  /// The command for log lines. Its arguments are left out: they may be secret.
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
