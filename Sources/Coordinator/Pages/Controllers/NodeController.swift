import Common
import Hummingbird
import Logging

/// Nodes announce themselves and leave; operators have them drain.
struct NodeController: Sendable {
  let watch: any ClusterWatching
  let access: OperatorAccess
  let clusterTokens: Replaceable<AccessTokens>
  /// Keeps nodes with a wrong token from filling the log.
  let refusals: AttemptLimit
  let logger: Logger

  // MARK: - Nodes

  func announce(_ request: Request, _ context: SiteContext) async throws -> Response {
    try requireClusterToken(request, context)
    let announcement = try Announcement(try await request.json())
    let answer: AnnouncementAnswer
    do {
      answer = try await watch.announce(announcement)
    } catch {
      throw Problem(error)
    }
    return try .json(answer)
  }

  func leave(_ request: Request, _ context: SiteContext) async throws -> Response {
    try requireClusterToken(request, context)
    let id = try context.pathPart("id")
    guard let bootID = request.uri.queryParameters["bootId"], !bootID.isEmpty else {
      throw Problem.invalid([Fault("query/bootId", "is missing")])
    }
    do {
      try await watch.leave(id: id, bootId: String(bootID))
    } catch {
      throw Problem(error)
    }
    return Response(status: .noContent)
  }

  private func requireClusterToken(_ request: Request, _ context: SiteContext) throws(Problem) {
    let clusterTokens = clusterTokens.current
    guard !clusterTokens.isEmpty else {
      throw Problem(.unauthorized, "No cluster token is configured here: no node can announce itself.")
    }
    guard let token = request.bearerToken, clusterTokens.name(for: token) != nil else {
      refusals.failed("a wrong cluster token", caller: context.caller)
      throw Problem(.unauthorized, "Send \"Authorization: Bearer\" with the cluster token.")
    }
  }

  // MARK: - Operators

  /// The field by which a form says that its sender has read what follows.
  static let confirmedField = "confirmed"

  /// What has been done, in words, for the page and for programs.
  struct Done: Encodable {
    let id: String
    let message: String
  }

  func perform(_ change: NodeChange, _ request: Request, _ context: SiteContext) async throws -> Done {
    let id = try context.pathPart("id")
    let form = try await request.form()
    let name = try access.operatorName(for: request, form: form, caller: context.caller)
    let shown = DisplayText.shownName(id)
    var consequence = ""
    if change == .drain, await watch.view().wouldLeaveNoneReady(drained: id) {
      consequence = Self.consequence(of: shown)
      // The page asks first. Whoever sends the token itself is not asked, but is told what follows.
      guard request.bearerToken != nil || form[Self.confirmedField] == "yes" else {
        throw Problem(.lastReadyNode, consequence)
      }
    }
    try await perform(change, id, by: name)
    logger.notice("change asked for", metadata: ["change": "\(change)", "node": "\(shown)", "operator": "\(name)"])
    return Done(id: id, message: [change.told(of: shown), consequence].filter { !$0.isEmpty }.joined(separator: " "))
  }

  private func perform(_ change: NodeChange, _ id: String, by name: String) async throws(Problem) {
    let shown = DisplayText.shownName(id)
    let isKnown: Bool
    switch change {
    case .drain: isKnown = await watch.want(.drain, of: id, by: name)
    case .undrain: isKnown = await watch.want(.serve, of: id, by: name)
    case .recheck: isKnown = await watch.recheck(id: id)
    case .forget:
      do throws(ForgetRefusal) {
        try await watch.forget(id: id, by: name)
        isKnown = true
      } catch {
        guard case .alive(let state) = error else { throw Problem.unknown(shown) }
        throw Problem(
          .nodeAlive,
          "\(shown) is \(state.rawValue): only a node that is DOWN or has LEFT can be forgotten. Another would come back"
            + " with its next announcement.")
      }
    }
    guard isKnown else { throw Problem.unknown(shown) }
  }

  private static func consequence(of id: String) -> String {
    "\(id) is the last node that is ready for requests. Once it drains, load balancers have none to choose from: HAProxy"
      + " as in deploy/ goes on sending requests to it while it lives, others answer 503 and the shop cannot sell. Nor does"
      + " any node lead then, and expired holds are not swept, until a node is ready again."
  }
}

extension NodeChange {
  fileprivate func told(of id: String) -> String {
    switch self {
    case .drain: "\(id) is to drain: it will be told at its next announcement."
    case .undrain: "\(id) is to serve: it will be told at its next announcement."
    case .recheck: "\(id) has been asked."
    case .forget: "\(id) is forgotten. Should it announce itself again, it is a new node."
    }
  }
}

extension Announcement {
  /// - Throws: a ``Problem`` that names every member that is not a text.
  fileprivate init(_ document: JSONValue) throws(Problem) {
    guard case .object = document else { throw Problem.invalid([Fault("#", "a JSON object is needed")]) }
    var faults: [Fault] = []
    func text(_ name: String) -> String {
      switch document[name] {
      case .string(let text): return text
      case nil: faults.append(Fault("#/\(name)", "is missing"))
      default: faults.append(Fault("#/\(name)", "must be a string"))
      }
      return ""
    }
    self.init(
      id: text("id"), bootId: text("bootId"), url: text("url"), version: text("version"), state: text("state"))
    guard faults.isEmpty else { throw Problem.invalid(faults) }
  }
}

extension Problem {
  fileprivate static func unknown(_ id: String) -> Problem { Problem(.unknownNode, "No node \(id) is known here.") }

  fileprivate init(_ refusal: AnnouncementRefusal) {
    switch refusal {
    case .invalid(let detail): self.init(.invalidRequest, detail)
    case .idTaken(let detail): self.init(.nodeIDTaken, detail)
    case .tooMany: self.init(.overloaded, "As many nodes are watched as may be (maxNodes).", retryAfter: 10)
    case .unknownNode: self.init(.unknownNode, "No such node is known here.")
    }
  }
}
