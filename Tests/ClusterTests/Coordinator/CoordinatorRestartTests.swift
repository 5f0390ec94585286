import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  @Suite(.cluster(nodes: 0)) struct CoordinatorRestartTests {
    @Test
    func `a coordinator that was killed knows every node again, the dead one too, and who is to drain`() async throws {
      let redis = TestCluster.current.redis
      let directory = try TemporaryDirectory()
      let file = directory.url.appending(path: "registry.json")
      let settings = ["STATE_FILE": file.path, "PORT": "\(try FreePort.find())"]
      let first = try await CoordinatorUnderTest(settings: settings)
      let nodes = try await concurrently(["dies", "drained", "well"]) { id in
        try await first.admit(id, redisURL: redis.url)
      }
      #expect(try await first.send(.change("drain", "drained").asAdmin).status == 200)
      try await first.wait(for: "drained", toBe: "DRAINING")
      try await eventually("what is known is in the file") {
        let kept = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return kept.contains(#""wanted":"drain""#) && kept.contains(#""state":"DRAINING""#)
      }

      first.process.kill()
      nodes[0].process.kill()
      let second = try await CoordinatorUnderTest(settings: settings)
      try await eventually("every node is judged", every: .milliseconds(10)) {
        let picture = try await second.picture
        #expect(!picture.healthy && picture.node("drained")?.wanted == "drain")
        return picture.nodes.map { "\($0.id) \($0.state)" } == ["dies DOWN", "drained DRAINING", "well UP"]
      }
      let history = try await second.picture.transitions
      #expect(history.contains { $0.reason == "default wants it to drain" }, "the history is kept")

      try await eventually("nodes announce themselves here too") {
        try await second.picture.nodes.filter { $0.announcedAgoMs != nil }.map(\.id) == ["drained", "well"]
      }
      #expect(await !nodes[1].isReady, "the one that drains has not been told otherwise")
      #expect(try await nodes[1].send(.ready).text.contains("an operator wants it"))
    }
  }
}
