import Foundation
import TestSupport
import Testing

extension CoordinatedTests {
  /// A store that has lost data. A process that has seen newer data reports the loss at once, until an operator
  /// acknowledges it.
  @Suite struct DataLossTests {
    @Test func `FLUSHALL is told by nodes and page until it is acknowledged, and so is the next one`() async throws {
      let redis = try await PrivateRedis()
      let coordinator = try await CoordinatorUnderTest()
      let nodes = try await concurrently(["n1", "n2"]) { id in
        try await coordinator.admit(id, redisURL: redis.url)
      }
      for round in 1...2 {
        try await eventually("all is well, and the store is known") {
          let picture = try await coordinator.picture
          let identities = try await [nodes[0].store.identity, nodes[1].store.identity]
          return picture.healthy && picture.store.identity != nil
            && identities
              == Array(
                repeating: picture.store.identity, count: 2)
        }
        let before = try await coordinator.picture.store.identity
        try redis.cli("FLUSHALL")
        try await eventually("both nodes tell") {
          let losses = try await [nodes[0].store.loss, nodes[1].store.loss]
          return losses.allSatisfy { $0 != nil }
        }
        let store = try await nodes[0].store
        #expect(store.loss?["seenIdentity"] as? String == before && store.identity != before)
        #expect(nodes[0].logLines(with: "\"Redis has lost data\"").count == round)
        let ready = try await nodes[0].send(.ready)
        #expect(ready.status == 200 && ready.text.contains("Redis has lost data") && ready.json["loss"] != nil)
        try await eventually("the page tells") {
          try await coordinator.picture.problems.first?.kind == "store-loss"
        }
        // Only an operator ends it.
        let unasked = try await coordinator.send(TestRequest("POST", "/api/v1/store/acknowledge"))
        #expect(unasked.status == 401)
        #expect(try await coordinator.picture.problems.first?.kind == "store-loss")
        let answer = try await coordinator.send(
          TestRequest("POST", "/api/v1/store/acknowledge").bearer(NodeUnderTest.adminToken))
        #expect(answer.status == 200 && answer.text.contains("Acknowledged"), "\(answer)")
        #expect(try await !coordinator.picture.problems.contains { $0.kind == "store-loss" })
        try await eventually("the nodes have heard") {
          let losses = try await [nodes[0].store.loss, nodes[1].store.loss]
          return losses.allSatisfy { $0 == nil }
        }
      }
      let metrics = try await nodes[0].send(TestRequest("GET", "/metrics")).text
      #expect(metrics.contains("holdfast_store_loss") && metrics.contains("holdfast_store_faults"))
    }

    @Test
    func `an older backup is told even by nodes that started after it: the coordinator has seen more`() async throws {
      let redis = try await PrivateRedis(options: ["--appendonly", "no"])
      let files = try TemporaryDirectory()
      let settings = ["STATE_FILE": files.url.appending(path: "registry").path]
      var coordinator = try await CoordinatorUnderTest(settings: settings)
      let node = try await coordinator.admit("n1", redisURL: redis.url)
      try await eventually("the store is known") { try await node.store.mark != nil }
      try redis.cli("SAVE")
      let saved = try #require(try await node.store.mark)
      let before = try #require(try await node.store.identity)
      try await eventually("the coordinator has seen a later mark") {
        guard let mark = try await coordinator.picture.store.mark else { return false }
        return mark > ISO8601DateFormatter.milliseconds(saved + 2000)
      }
      node.process.kill()
      redis.kill()
      // The coordinator too becomes another process. It knows the loss from its file.
      coordinator.process.signal(SIGTERM)
      try await eventually("it ends") { !coordinator.process.isRunning }
      coordinator = try await CoordinatorUnderTest(settings: settings)
      try redis.startAgain()
      try await eventually("Redis serves its backup") { redis.serves }
      #expect(try redis.cli("GET", "store") == before)

      let fresh = try await coordinator.admit("n1", redisURL: redis.url)
      try await eventually("it tells") { try await fresh.store.loss != nil }
      let loss = try await fresh.store.loss
      #expect(loss?["seenIdentity"] as? String == before && loss?["foundIdentity"] as? String == before)
      try await eventually("the page tells") {
        try await coordinator.picture.problems.first?.text.contains("found was the same store as of") == true
      }
    }

    @Test func `a replica that is promoted behind its master is told, without any coordinator`() async throws {
      let master = try await PrivateRedis()
      let replica = try await PrivateRedis()
      let node = try await NodeUnderTest(redisURL: master.url)
      try await node.waitUntilReady()
      try replica.cli("REPLICAOF", "127.0.0.1", "\(master.port)")
      try await eventually("it has the data") { try replica.cli("EXISTS", "store:mark") == "1" }
      try replica.cli("REPLICAOF", "NO", "ONE")
      let forked = try #require(try await node.store.mark)
      try await eventually("the master goes on") { try await node.store.mark ?? 0 > forked + 1000 }
      master.kill()
      try replica.cli("CONFIG", "SET", "port", "\(master.port)")
      try await eventually("it tells") { try await node.store.loss != nil }
      let loss = try await node.store.loss
      #expect(loss?["seenIdentity"] as? String == loss?["foundIdentity"] as? String)
      #expect(loss?["seenMark"] as? Int64 ?? 0 > loss?["foundMark"] as? Int64 ?? .max)
      try await node.waitUntilReady()
    }
  }
}

extension NodeUnderTest {
  fileprivate struct Store {
    var identity: String?
    var mark: Int64?
    var loss: [String: Any]?
  }

  fileprivate var store: Store {
    get async throws {
      let told = try await send(.health).json["store"] as? [String: Any]
      return Store(
        identity: told?["identity"] as? String, mark: told?["mark"] as? Int64, loss: told?["loss"] as? [String: Any])
    }
  }
}

extension ISO8601DateFormatter {
  /// An instant as the coordinator writes it. All have equal length, so they can be compared as text.
  fileprivate static func milliseconds(_ epoch: Int64) -> String {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    return formatter.string(from: Date(timeIntervalSince1970: Double(epoch) / 1000))
  }
}
