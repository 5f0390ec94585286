import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  /// Announcements are not trusted.
  @Suite(.cluster(nodes: 0)) struct AnnouncementSafetyTests {
    private func redirect(to other: LittleServer) -> LittleServer.Reply {
      LittleServer.answer(302, headers: ["Location: \(other.url)/health"])
    }

    @Test func `without the right cluster token nobody announces itself or takes a node's leave`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let server = try await LittleServer { _ in .silence }
      let announcement = TestRequest.announcement(url: server.url)
      for request in [announcement, announcement.bearer("wrong"), announcement.asAdmin] {
        #expect(try await coordinator.send(request).problem == "unauthorized")
      }
      #expect(try await coordinator.picture.nodes.isEmpty)
      #expect(try await coordinator.send(announcement.asNode).status == 200)
      for token in ["wrong", NodeUnderTest.adminToken] {
        let leave = TestRequest("DELETE", "/api/v1/nodes/n1?bootId=b1").bearer(token)
        #expect(try await coordinator.send(leave).problem == "unauthorized")
      }
      #expect(try await coordinator.picture.node("n1")?.state != "LEFT")

      let redis = TestCluster.current.redis
      let node = try await NodeUnderTest(
        redisURL: redis.url, settings: coordinator.settings(ofNode: "n2", ["CLUSTER_TOKEN": "a-wrong-token"]))
      try await node.waitUntilReady()
      try await eventually("the node says that it is refused") {
        node.logLines(with: "not announced").contains { $0.contains("answered 401") }
      }
      for log in [node.log, coordinator.log] {
        for secret in ["a-wrong-token", CoordinatorUnderTest.clusterToken, NodeUnderTest.adminToken] {
          #expect(!log.contains(secret))
        }
      }
    }

    @Test func `another process under the id of a living node is refused; the node stays what it is`() async throws {
      let redis = TestCluster.current.redis
      let coordinator = try await CoordinatorUnderTest()
      let node = try await coordinator.admit("n1", redisURL: redis.url)
      let bootID = try await node.send(.health).text("bootId")
      let other = try await NodeUnderTest(redisURL: redis.url, settings: coordinator.settings(ofNode: "n1"))
      try await eventually("the other one is refused") {
        other.logLines(with: "not announced").contains { $0.contains("answered 409") }
      }
      // The refusal does not stop the node from serving.
      try await other.waitUntilReady()
      let inItsPlace = try await coordinator.send(.announcement(bootID: "b9", url: node.url).asNode)
      #expect(inItsPlace.problem == "node-id-taken" && inItsPlace.status == 409)
      let leave = TestRequest("DELETE", "/api/v1/nodes/n1?bootId=b9").asNode
      #expect(try await coordinator.send(leave).problem == "node-id-taken")
      let seen = try #require(try await coordinator.picture.node("n1"))
      #expect(seen.url == node.url && seen.bootId == bootID && seen.state != "LEFT")
      #expect(node.logLines(with: "not announced").isEmpty)
    }

    @Test func `an address outside the allowed networks is never connected to, by whatever name`() async throws {
      let coordinator = try await CoordinatorUnderTest(settings: ["ALLOWED_NETWORKS": "10.0.0.0/8"])
      let server = try await LittleServer { _ in .silence }
      for (id, url) in [("n1", server.url), ("n2", "http://localhost:\(server.port)")] {
        #expect(try await coordinator.send(.announcement(id: id, url: url).asNode).status == 200)
        let down = try await coordinator.wait(for: id, toBe: "DOWN")
        #expect(down.reason.contains("not in the allowed networks"))
      }
      #expect(server.connections == 0)
    }

    @Test func `redirects are not followed`() async throws {
      let coordinator = try await CoordinatorUnderTest()
      let target = try await LittleServer { _ in .silence }
      let server = try await LittleServer { [self] _ in redirect(to: target) }
      #expect(try await coordinator.send(.announcement(url: server.url).asNode).status == 200)
      #expect(try await coordinator.wait(for: "n1", toBe: "DOWN").reason.contains("/health answered 302"))
      #expect(server.requests.count >= 3 && target.connections == 0)
    }

    @Test func `what is no plain URL is refused, and so are too many nodes and too large a body`() async throws {
      let coordinator = try await CoordinatorUnderTest(settings: ["MAX_NODES": "2"])
      let server = try await LittleServer { _ in .silence }
      let place = server.url.dropFirst("http://".count)
      for url in [
        "ftp://\(place)", "gopher://\(place)", "file:///etc/passwd", "//\(place)", "http://user@\(place)",
        "http://\(place)/path", "http://\(place)?x",
      ] {
        #expect(try await coordinator.send(.announcement(url: url).asNode).problem == "invalid-request", "\(url)")
      }
      #expect(try await coordinator.picture.nodes.isEmpty && server.connections == 0)

      var large = TestRequest.announcement(url: server.url).asNode
      large.body? += Array(repeating: UInt8(ascii: " "), count: 8 << 10)
      let refused = try await coordinator.send(large)
      #expect(refused.status == 413 && refused.problem == "payload-too-large")

      for id in ["n1", "n2"] {
        #expect(try await coordinator.send(.announcement(id: id, url: server.url).asNode).status == 200)
      }
      let third = try await coordinator.send(.announcement(id: "n3", url: server.url).asNode)
      #expect(third.status == 503 && third.header("Retry-After") != nil)
      #expect(try await coordinator.send(.announcement(id: "n2", url: server.url).asNode).status == 200)
      #expect(try await coordinator.picture.nodes.map(\.id) == ["n1", "n2"])
    }
  }
}
