import Foundation
import TestSupport
import Testing

/// With MIN_REPLICAS, a success means that replicas have the change.
@Suite struct ReplicatedAnswerTests {
  @Test func `what replicas lack is unknown, and so is its replay, until they have it`() async throws {
    let master = try await PrivateRedis()
    let replica = try await PrivateRedis(options: ["--replicaof", "127.0.0.1", "\(master.port)"])
    let node = try await NodeUnderTest(redisURL: master.url, settings: ["MIN_REPLICAS": "1"])
    try await node.waitUntilReady()
    #expect(try await node.send(.setStock("few", total: 1)).status == 201)

    replica.signal(SIGSTOP)
    let attempt = try await node.send(.reserve("few").key("a"))
    #expect(attempt.status == 504 && attempt.problem == "outcome-unknown")
    let replay = try await node.send(.reserve("few").key("a"))
    #expect(replay.status == 504 && replay.problem == "outcome-unknown")
    let refused = try await node.send(.reserve("few").key("b"))
    #expect(refused.problem == "insufficient-stock", "it has changed nothing")
    try await eventually("the node says that a replica is missing") {
      let reasons = try await node.send(.health).json["reasons"] as? [String]
      return reasons?.contains { $0.contains("Redis has 0 replicas, and 1 must have a change") } == true
    }

    replica.signal(SIGCONT)
    try await eventually("the replay is told as done") { try await node.send(.reserve("few").key("a")).status == 201 }
    try await eventually("the node is ready again") { await node.isReady }
    #expect(master.isRunning)
  }
}
