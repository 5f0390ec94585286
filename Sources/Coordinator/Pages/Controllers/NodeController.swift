import Common
import Foundation
import Hummingbird
import Logging

/// Something an operator may ask of a node.
enum NodeChange: String, CaseIterable, Sendable {
  case drain, undrain, recheck

  func path(of id: String) -> String {
    "/api/v1/nodes/\(id.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? "")/\(rawValue)"
  }

  private static let unreserved = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
}

/// Nodes announce themselves and leave; operators have them drain.
struct NodeController: Sendable {
  let watch: any ClusterWatching
  let access: OperatorAccess
  let clusterTokens: AccessTokens
  /// Keeps nodes with a wrong token from filling the log.
  let refusals: AttemptLimit
  let logger: Logger

  // MARK: - Nodes

  func announce(_ request: Request, _ context: SiteContext) async throws -> Response {
    try requireClusterToken(request, context)
    let announcement = try Announcement(try await request.json())
    let wanted: Wanted
    do {
      wanted = try await watch.announce(announcement)
    } catch {
      throw Problem(error)
    }
    return try .json(AnnouncementAnswer(wanted: wanted))
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
    guard !clusterTokens.isEmpty else {
      throw Problem(.unauthorized, "No cluster token is configured here: no node can announce itself.")
    }
    guard let token = request.bearerToken, clusterTokens.name(for: token) != nil else {
      refusals.failed("a wrong cluster token", caller: context.caller)
      throw Problem(.unauthorized, "Send \"Authorization: Bearer\" with the cluster token.")
    }
  }

  // MARK: - Operators

  /// What has been done, in words, for the page and for programs.
  struct Done: Encodable {
    let id: String
    let message: String
  }

  func perform(_ change: NodeChange, _ request: Request, _ context: SiteContext) async throws -> Done {
    let id = try context.pathPart("id")
    let form = try await request.form()
    let name = try access.operatorName(for: request, form: form, caller: context.caller)
    let isKnown =
      switch change {
      case .drain: await watch.want(.drain, of: id, by: name)
      case .undrain: await watch.want(.serve, of: id, by: name)
      case .recheck: await watch.recheck(id: id)
      }
    let shown = DisplayText.shown(id, limit: 64)
    guard isKnown else { throw Problem(.unknownNode, "No node \(shown) is known here.") }
    logger.notice("change asked for", metadata: ["change": "\(change)", "node": "\(shown)", "operator": "\(name)"])
    return Done(id: id, message: change.told(of: shown))
  }
}

extension NodeChange {
  fileprivate func told(of id: String) -> String {
    switch self {
    case .drain: "\(id) is to drain: it will be told at its next announcement."
    case .undrain: "\(id) is to serve: it will be told at its next announcement."
    case .recheck: "\(id) has been asked."
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
  fileprivate init(_ refusal: AnnouncementRefusal) {
    switch refusal {
    case .invalid(let detail): self.init(.invalidRequest, detail)
    case .idTaken(let detail): self.init(.nodeIDTaken, detail)
    case .tooMany: self.init(.overloaded, "As many nodes are watched as may be (maxNodes).", retryAfter: 10)
    case .unknownNode: self.init(.unknownNode, "No such node is known here.")
    }
  }
}
