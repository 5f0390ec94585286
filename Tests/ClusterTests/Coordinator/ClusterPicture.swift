import Foundation
import TestSupport
import Testing

/// The answer of `/api/v1/cluster`.
struct ClusterPicture: Decodable {
  struct Problem: Decodable {
    var kind, text: String
    var node: String?
  }

  struct Leader: Decodable {
    var id: String
    var epoch: Int64
  }

  struct Node: Decodable {
    var id, bootId, url, state, reason, wanted: String
    var ready: Bool
    /// Nil if it has not announced itself since the coordinator started.
    var announcedAgoMs: Int?
  }

  struct Transition: Decodable {
    var subject, from, to, reason: String
  }

  struct Store: Decodable {
    struct Loss: Decodable {
      var seenIdentity, foundIdentity: String?
    }

    var identity, mark: String?
    var loss: Loss?
  }

  var store: Store
  var healthy: Bool
  var problems: [Problem]
  var leader: Leader?
  var nodes: [Node]
  /// The newest comes first.
  var transitions: [Transition]

  func node(_ id: String) -> Node? { nodes.first { $0.id == id } }
}

extension CoordinatorUnderTest {
  var picture: ClusterPicture {
    get async throws {
      try JSONDecoder().decode(
        ClusterPicture.self, from: Data(try await send(TestRequest("GET", "/api/v1/cluster")).body))
    }
  }

  @discardableResult
  func wait(for id: String, toBe state: String) async throws -> ClusterPicture.Node {
    try await eventually("\(id) is \(state)") { try await picture.node(id)?.state == state }
    return try #require(try await picture.node(id))
  }

  /// The settings of a node that announces itself to this coordinator.
  func settings(ofNode id: String, _ others: [String: String] = [:]) -> [String: String] {
    ["NODE_ID": id, "COORDINATOR_URL": url, "CLUSTER_TOKEN": Self.clusterToken].merging(others) { $1 }
  }

  /// Starts a node and waits until it is ready and this coordinator shows it as UP.
  func admit(_ id: String, redisURL: String, settings: [String: String] = [:]) async throws -> NodeUnderTest {
    let node = try await NodeUnderTest(redisURL: redisURL, settings: self.settings(ofNode: id, settings))
    try await node.waitUntilReady()
    try await wait(for: id, toBe: "UP")
    return node
  }
}

extension TestRequest {
  /// A node's announcement, without a token.
  static func announcement(id: String = "n1", bootID: String = "b1", url: String) -> TestRequest {
    TestRequest(
      "POST", "/api/v1/nodes",
      json: #"{"id":"\#(id)","bootId":"\#(bootID)","url":"\#(url)","version":"0.1.0","state":"serving"}"#)
  }

  static func change(_ change: String, _ id: String) -> TestRequest {
    TestRequest("POST", "/api/v1/nodes/\(id)/\(change)")
  }

  var asNode: TestRequest { bearer(CoordinatorUnderTest.clusterToken) }
}
