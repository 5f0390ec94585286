import Common
import Hummingbird
import Logging

/// Operators acknowledge that the store has lost data: from then on it is taken as it is.
struct StoreController: Sendable {
  let watch: any ClusterWatching
  let access: OperatorAccess
  let logger: Logger

  /// What has been done, in words, for the page and for programs.
  struct Done: Encodable {
    let message: String
  }

  func acknowledge(_ request: Request, _ context: SiteContext) async throws -> Done {
    let name = try access.operatorName(for: request, form: try await request.form(), caller: context.caller)
    guard let loss = await watch.acknowledgeLoss(by: name) else {
      return Done(message: "No node tells of a loss of data: there is nothing to acknowledge.")
    }
    logger.notice("loss of data acknowledged", metadata: ["operator": "\(name)", "loss": "\(loss.words)"])
    return Done(message: "Acknowledged: the store is taken as it is now. Nodes are told at their next announcement.")
  }
}
