import Foundation
import TestSupport
import Testing

/// The promises hold for any bytes in Redis.
@Suite struct DamageTests {
  private static let seedVariable = "HOLDFAST_TEST_SEED"
  private static let seeds = 2_000
  /// How many runs go on at the same time, each on its own Redis.
  private static let lanes = 2

  @Test
  func `thousands of seeds: no process ends, no total is exceeded, no refusal acts, the audit tells`() async throws {
    let given = ProcessInfo.processInfo.environment[Self.seedVariable].flatMap { UInt64($0) }
    let seeds = given.map { [$0] } ?? Array(1...UInt64(Self.seeds))
    let faults = try await withThrowingTaskGroup(of: [String].self) { lanes in
      for lane in 0..<Self.lanes {
        lanes.addTask {
          let store = try await ScriptStore(try await PrivateRedis())
          var faults: [String] = []
          for (index, seed) in seeds.enumerated() where index % Self.lanes == lane && faults.count < 3 {
            guard let fault = try await DamageRun(seed: seed, store: store).firstFault() else { continue }
            faults.append("\(fault)\nAgain, alone: \(Self.seedVariable)=\(seed) swift test --filter DamageTests")
          }
          return faults
        }
      }
      return try await lanes.reduce(into: []) { $0 += $1 }
    }
    for fault in faults { Issue.record("\(fault)") }
  }
}
