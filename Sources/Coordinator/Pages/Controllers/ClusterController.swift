import Common
import Hummingbird
import NIOCore

/// The cluster as programs see it.
struct ClusterController: Sendable {
  let watch: any ClusterWatching
  let metricsRegistry: PrometheusRegistry

  func cluster(_: Request, _: SiteContext) async throws -> Response { try .json(await watch.view()) }

  func metrics(_: Request, _: SiteContext) -> Response {
    Response(
      status: .ok, type: "text/plain; version=0.0.4; charset=utf-8", body: ByteBuffer(string: metricsRegistry.render()))
  }

  // MARK: - Who leads

  private struct Leader: Encodable {
    let id: String
    let epoch: Int64
    let url: String
  }

  func leader(_: Request, _: SiteContext) async throws -> Response {
    let view = await watch.view()
    guard let leader = view.leader, let node = view.nodes.first(where: { $0.id == leader.id }) else {
      throw Problem(.noLeader, "No node is known to be the leader at present.", retryAfter: 1)
    }
    return try .json(Leader(id: leader.id, epoch: leader.epoch, url: node.url))
  }

  // MARK: - What Prometheus is to scrape

  private struct TargetGroup: Encodable {
    let targets: [String]
    let labels: [String: String]
  }

  func targets(_: Request, _: SiteContext) async throws -> Response {
    let groups = await watch.view().nodes.compactMap { node -> TargetGroup? in
      guard node.state != .left, let target = Self.target(node.url) else { return nil }
      var labels = ["node": node.id]
      if target.scheme != "http" { labels["__scheme__"] = target.scheme }
      return TargetGroup(targets: [target.address], labels: labels)
    }
    return try .json(groups)
  }

  /// `10.0.0.7:8080` of `http://10.0.0.7:8080/`.
  private static func target(_ url: String) -> (scheme: String, address: String)? {
    guard let (_, scheme, authority) = url.prefixMatch(of: #/(https?)://([^/?#]+)/#)?.output else { return nil }
    let hasPort = authority.contains(#/:[0-9]+$/#)
    return (String(scheme), hasPort ? String(authority) : "\(authority):\(scheme == "https" ? 443 : 80)")
  }

  // MARK: - The coordinator's own health

  func live(_: Request, _: SiteContext) async throws -> Response { try .json(["status": "live"]) }

  /// Ready once every node that is known has been judged.
  func ready(_: Request, _: SiteContext) async throws -> Response {
    let waiting = await watch.view().nodes.count { $0.state == .unknown }
    guard waiting == 0 else {
      throw Problem(
        .notReady, "Not judged yet: \(Wording.counted(waiting, "node", "nodes")).", retryAfter: 1)
    }
    return try .json(["status": "ready"])
  }
}
