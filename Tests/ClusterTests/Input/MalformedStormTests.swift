import Foundation
import TestSupport
import Testing

extension HeavyTests {
  /// Thousands of malformed requests from a seed. Nothing crashes and nothing is left behind.
  @Suite(.cluster(nodes: 1)) struct MalformedStormTests {
    private let cluster = TestCluster.current!
    private var node: NodeUnderTest { cluster.nodes[0] }

    @Test(
      arguments: [
        // A new seed each time. HOLDFAST_TEST_SEED, if set, sends the same requests again.
        ProcessInfo.processInfo.environment["HOLDFAST_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: .min ... .max)
      ])
    func `the process outlives a storm of malformed requests, and keeps no memory or descriptors`(
      seed: UInt64
    ) async throws {
      try await cluster.succeed(.setStock("storm", total: 1_000_000_000))
      try await storm(seed: seed, rounds: 600)
      let before = try usage()
      try await storm(seed: ~seed, rounds: 2500)
      #expect(node.process.isRunning, "seed \(seed)")
      #expect(try await cluster.send(.reserve("storm")).status == 201)
      try await eventually("all descriptors are given back (seed \(seed))") {
        try usage().descriptors <= before.descriptors
      }
      // The allocator keeps some memory. A leak of a few hundred bytes per request would show.
      #expect(try usage().residentKiB < before.residentKiB + 8 * 1024, "seed \(seed)")
      #expect(try await cluster.snapshot().violations == [])
    }

    private func storm(seed: UInt64, rounds: Int) async throws {
      _ = try await concurrently(0..<rounds, width: 24) { [port = node.port] round in
        var maker = MalformedRequests(seed: seed &+ UInt64(round))
        let bytes = maker.request()
        guard let connection = try? await RawConnection(port: port) else { return }
        connection.send(bytes)
        if maker.chance() { connection.finishSending() }
        if maker.chance() {
          // The node answers or waits for more bytes. Both are right, so the test waits only briefly.
          try? await eventually("an answer", within: .milliseconds(100), every: .milliseconds(5)) {
            !connection.answers.isEmpty || connection.isEnded
          }
        }
        for answer in connection.answers {
          #expect(answer.status < 500, "seed \(seed) round \(round): \(answer)")
          #expect(answer.status < 400 || answer.problem != nil, "seed \(seed) round \(round): \(answer)")
        }
        connection.close()
      }
    }

    private func usage() throws -> (residentKiB: Int, descriptors: Int) {
      let process = "/proc/\(node.process.pid)"
      let status = try String(contentsOfFile: "\(process)/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
      let resident = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
      return (resident, try FileManager.default.contentsOfDirectory(atPath: "\(process)/fd").count)
    }
  }
}

/// Good requests with damaged bytes. The same seed gives the same bytes.
private struct MalformedRequests {
  private var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed) }

  private mutating func pick(_ below: Int) -> Int { .random(in: 0..<below, using: &random) }
  mutating func chance() -> Bool { .random(using: &random) }

  mutating func request() -> [UInt8] {
    var bytes = good().bytes
    for _ in 0...pick(3) {
      let at = pick(bytes.count)
      switch pick(8) {
      case 0: bytes[at] = UInt8(pick(256))
      case 1: bytes.removeSubrange(at..<min(bytes.count, at + 1 + pick(20)))
      case 2: bytes.insert(contentsOf: (0..<pick(200)).map { _ in UInt8(pick(256)) }, at: at)
      case 3: bytes = Array(bytes.prefix(at + 1))
      case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 100)], at: at)
      case 5: bytes.insert(contentsOf: Array(repeating: UInt8(ascii: "["), count: 1 + pick(5000)), at: at)
      case 6: bytes.insert(contentsOf: Array(repeating: UInt8(ascii: "9"), count: 1 + pick(20_000)), at: at)
      default: bytes += good().bytes
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }

  private mutating func good() -> TestRequest {
    switch pick(8) {
    case 0: .reserve("storm", 1 + pick(9), ttl: 1).key("storm-\(pick(100))")
    case 1: .reserve(items: [("storm", 1), ("storm", 2)], reference: "r").with("X-Request-ID", "id-\(pick(9))")
    case 2: .confirm("AAAAAAAAAAAAAAAAAAAAAA").with("Expect", "100-continue")
    case 3: .setStock("storm-\(pick(5))", total: pick(1000))
    case 4: .adjustStock("storm", by: 1, reason: "ü")
    case 5: .listStock(limit: 1 + pick(5), cursor: "storm")
    case 6: TestRequest("GET", "/inventory/%73torm?x=%zz")
    default: .health
    }
  }
}
