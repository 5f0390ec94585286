import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Node processes on their own Redis, or on a master with replicas. The tests of a suite share them.
struct TestCluster: Sendable {
  /// The cluster of the suite, which has the trait ``ClusterTrait``.
  @TaskLocal static var current: TestCluster!

  /// `Scripts/cluster.sh test topologies` also runs the suites on a master with replicas, on a store of several shards, and
  /// on a Redis Cluster.
  private static let topology = ProcessInfo.processInfo.environment["HOLDFAST_TEST_TOPOLOGY"]
  /// Whether nodes cut the store into shards, so that a cart may lie in several.
  static var hasShards: Bool { topology == "shards" || topology == "cluster" }
  /// Whether nodes know by their URL that there are replicas. A cluster of proxies has one Redis on every topology.
  static var hasReplicas: Bool { topology == "sentinel" }

  /// The URL given to nodes, and the servers that take writes now.
  private let store: (url: String, masters: @Sendable () -> [PrivateRedis])
  /// One proxy for each node, through which it reaches Redis. Empty unless requested.
  let proxies: [ChaosProxy]
  private let settings: [String: String]
  private let roster = Roster()

  /// Current and past nodes.
  private final class Roster: Sendable {
    let present = NIOLockedValueBox<[NodeUnderTest]>([])
    let past = NIOLockedValueBox<[NodeUnderTest]>([])
  }

  init(
    nodes count: Int, redisOptions: [String] = [], settings: [String: String] = [:], isProxied: Bool = false
  ) async throws {
    // A proxy leads to one server, so it can't follow a failover.
    if !isProxied, Self.topology == "sentinel" {
      // What only a master had is lost when it ends, and most tests of faults say that nothing is.
      let settings = ["MIN_REPLICAS": "1"].merging(settings) { $1 }
      try await self.init(nodes: count, on: SentinelGroup(options: redisOptions), settings: settings)
      return
    }
    if !isProxied, Self.topology == "cluster" {
      try await self.init(nodes: count, on: RedisCluster(options: redisOptions), settings: settings)
      return
    }
    let redis = try await PrivateRedis(options: redisOptions)
    let proxies = try await concurrently(0..<(isProxied ? count : 0)) { _ in try await ChaosProxy(to: redis.port) }
    try await self.init(nodes: count, on: (redis.url, { [redis] }), proxies: proxies, settings: settings)
  }

  init(nodes count: Int, on group: SentinelGroup, settings: [String: String] = [:]) async throws {
    // If there is no master at the moment, the first server takes its place.
    let masters = { @Sendable in [group.master ?? group.servers[0]] }
    try await self.init(nodes: count, on: (group.url, masters), proxies: [], settings: settings)
  }

  init(nodes count: Int, on cluster: RedisCluster, settings: [String: String] = [:]) async throws {
    try await self.init(
      nodes: count, on: (cluster.url, { cluster.masters.isEmpty ? [cluster.servers[0]] : cluster.masters }),
      proxies: [], settings: settings)
  }

  private init(
    nodes count: Int, on store: (url: String, masters: @Sendable () -> [PrivateRedis]), proxies: [ChaosProxy],
    settings: [String: String]
  ) async throws {
    (self.store, self.proxies) = (store, proxies)
    let usual = ["LOG_LEVEL": "info"].merging(Self.topology == "shards" ? ["SHARDS": "8"] : [:]) { $1 }
    self.settings = settings.merging(usual) { given, _ in given }
    let nodes = try await concurrently(0..<count) { [self] index in try await start(index) }
    for node in nodes { try await node.waitUntilReady() }
    roster.present.withLockedValue { $0 = nodes }
  }

  /// The servers that take writes now.
  var masters: [PrivateRedis] { store.masters() }
  /// The server that takes writes now. In a Redis Cluster it is one of several.
  var redis: PrivateRedis { masters[0] }
  /// Where a key is that the store has once: on which server, and under which name, which has a tag where there are several
  /// shards. Nil if there is none.
  func place(of key: String) throws -> (redis: PrivateRedis, key: String)? {
    for redis in masters {
      let names = try redis.cli("--raw", "KEYS", "*\(key)").split(separator: "\n").map(String.init)
      if let name = names.first(where: { $0 == key || $0.hasSuffix("}\(key)") }) { return (redis, name) }
    }
    return nil
  }

  /// In the order of their names. The first is node-0.
  var nodes: [NodeUnderTest] { roster.present.withLockedValue { $0 } }
  /// Nodes that were replaced by others.
  var pastNodes: [NodeUnderTest] { roster.past.withLockedValue { $0 } }

  /// Starts an ended node as a new process. It is among ``nodes`` as soon as it is ready.
  func startAgain(_ index: Int) async throws {
    let node = try await start(index)
    try await node.waitUntilReady()
    let past = roster.present.withLockedValue { nodes in
      defer { nodes[index] = node }
      return nodes[index]
    }
    roster.past.withLockedValue { $0.append(past) }
  }

  private func start(_ index: Int) async throws -> NodeUnderTest {
    let url = proxies.isEmpty ? store.url : "redis://127.0.0.1:\(proxies[index].port)/0"
    return try await NodeUnderTest(redisURL: url, settings: settings.merging(["NODE_ID": "node-\(index)"]) { $1 })
  }

  /// A random node that the test has not killed, because the choice should make no difference.
  var node: NodeUnderTest { nodes.filter(\.process.isRunning).randomElement() ?? nodes[0] }

  func send(_ request: TestRequest) async throws -> TestAnswer {
    try await node.send(request)
  }

  /// Sends a request that must succeed for the test to continue.
  @discardableResult
  func succeed(_ request: TestRequest, sourceLocation: SourceLocation = #_sourceLocation) async throws -> TestAnswer {
    let answer = try await send(request)
    try #require((200...299).contains(answer.status), "\(answer)", sourceLocation: sourceLocation)
    return answer
  }
}

/// Starts nodes before the tests of a suite and ends them afterwards. No node may die by itself or report an error.
struct ClusterTrait: SuiteTrait, TestScoping {
  let nodes: Int
  let redisOptions: [String]
  let settings: [String: String]
  let isProxied: Bool
  /// The topic of expected errors in the log. Nil if there must be none.
  let expectedErrors: String?

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let cluster = try await TestCluster(
      nodes: nodes, redisOptions: redisOptions, settings: settings, isProxied: isProxied)
    try await TestCluster.$current.withValue(cluster) { try await function() }
    for node in cluster.nodes {
      #expect(node.process.isRunning || node.process.exitCode == SIGKILL, "a node has ended: \(node.log)")
    }
    var expected = 0
    for node in cluster.nodes + cluster.pastNodes {
      let errors = node.log.split(separator: "\n").filter { $0.contains("\"level\":\"error\"") || !$0.hasPrefix("{") }
      let isExpected = { (line: Substring) in expectedErrors.map { line.contains($0) } ?? false }
      // A master that has just taken over has no replica for a moment.
      let isOfReplicas = { (line: Substring) in TestCluster.hasReplicas && line.contains("(minReplicas)") }
      #expect(errors.filter { !isExpected($0) && !isOfReplicas($0) } == [])
      expected += errors.count(where: isExpected)
      node.process.kill()
    }
    #expect(expected > 0 || expectedErrors == nil, "no error tells of \(expectedErrors ?? "")")
    for redis in cluster.masters { redis.kill() }
  }
}

extension Trait where Self == ClusterTrait {
  /// - Parameter expectedErrors: the topic of expected errors in the nodes' logs. Nil if there must be none.
  static func cluster(
    nodes: Int = 2, redisOptions: [String] = [], settings: [String: String] = [:], isProxied: Bool = false,
    expectedErrors: String? = nil
  ) -> Self {
    ClusterTrait(
      nodes: nodes, redisOptions: redisOptions, settings: settings, isProxied: isProxied, expectedErrors: expectedErrors
    )
  }
}

/// Runs `work` for all elements, `width` at a time, and returns the results in the order of the elements.
func concurrently<Element: Sendable, Output: Sendable>(
  _ elements: some Sequence<Element>, width: Int = .max, _ work: @escaping @Sendable (Element) async throws -> Output
) async throws -> [Output] {
  try await withThrowingTaskGroup(of: (Int, Output).self) { group in
    var outputs: [Int: Output] = [:]
    for (index, element) in elements.enumerated() {
      if index >= width, let (done, output) = try await group.next() { outputs[done] = output }
      group.addTask { (index, try await work(element)) }
    }
    for try await (done, output) in group { outputs[done] = output }
    return outputs.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// Suites that load the machine or measure how long an answer takes. They run one after the other, so that they do not
/// disturb each other.
@Suite(.serialized) struct HeavyTests {}
