import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Strikes the master of a group with three nodes, so often; nothing impossible may be left, and no node may end.
private func strike(_ fault: MasterFault, times rounds: Int = 1, minReplicas: Int = 0) async throws -> Verdict {
  var verdict = Verdict()
  // A machine that lets a master wait for a second has Sentinels follow their own mind.
  try await untilShown("failovers that were asked for, and no other", attempts: 5) {
    // One more than are waited for: one server may be missing.
    let group = try await SentinelGroup(replicas: max(2, minReplicas + 1), isDivisible: fault == .split)
    defer { group.end() }
    let cluster = try await TestCluster(nodes: 3, on: group, settings: ["MIN_REPLICAS": "\(minReplicas)"])
    let epochs = NIOLockedValueBox((known: group.epoch, isDisturbed: false))
    let isUndisturbed = { @Sendable in epochs.withLockedValue { !$0.isDisturbed && $0.known == group.epoch } }
    let name = "\(rounds) × \(fault.rawValue), MIN_REPLICAS=\(minReplicas)"
    verdict = try await expectNothingImpossible(after: name, at: cluster, isUndisturbed: isUndisturbed) { traffic in
      var doubt: [ClosedRange<Int>] = []
      for _ in 0..<rounds {
        let course = try await fault.strike(group, cluster, traffic)
        doubt.append(course.doubt)
        // Two failovers in place of one, or one more between two.
        let isMore = course.epochs.after > course.epochs.before + 1
        epochs.withLockedValue {
          $0 = (course.epochs.after, $0.isDisturbed || isMore || $0.known != course.epochs.before)
        }
      }
      return doubt
    }
    for node in cluster.nodes { #expect(node.process.isRunning, "a node has ended: \(node.log)") }
    return isUndisturbed()
  }
  return verdict
}

extension HeavyTests {
  /// A master with two replicas under Sentinel: what shoppers were told, held against what the next master knows of it.
  @Suite struct FailoverTests {
    @Test(arguments: MasterFault.allCases)
    func `whatever happens to the master, all nodes serve again, and what is lost is all that went wrong`(
      fault: MasterFault
    ) async throws {
      let verdict = try await strike(fault)
      // The node that was cut off with the past master has sold on there. A judge who finds nothing lost is blind.
      if fault == .split { #expect(verdict.lost > 0) }
    }

    @Test func `an acknowledged change that waited for a replica survives kill -9 of the master`() async throws {
      let verdict = try await strike(.kill, minReplicas: 1)
      #expect(verdict.lost == 0, "\(verdict.missing)")
    }
  }

  /// Many failovers in a row, for the figures of losses. Only who asks for them gets them:
  ///
  ///     HOLDFAST_TEST_FAILOVERS=20 HOLDFAST_TEST_FAULT=kill HOLDFAST_TEST_MIN_REPLICAS=1 \
  ///       swift test --skip-build --filter FailoverSoakTests
  @Suite struct FailoverSoakTests {
    private static let rounds = number("FAILOVERS")
    private static let minReplicas = number("MIN_REPLICAS")
    /// `kill`, unless another one is named.
    private static let fault = MasterFault.allCases.first { "\($0)" == setting("FAULT") } ?? .kill

    private static func setting(_ name: String) -> String? {
      ProcessInfo.processInfo.environment["HOLDFAST_TEST_\(name)"]
    }

    private static func number(_ name: String) -> Int { setting(name).flatMap { Int($0) } ?? 0 }

    @Test(.enabled(if: Self.rounds > 0, "HOLDFAST_TEST_FAILOVERS says how many"))
    func `failovers in a row leave nothing impossible; with replicas waited for, nothing is lost`() async throws {
      let verdict = try await strike(Self.fault, times: Self.rounds, minReplicas: Self.minReplicas)
      if Self.minReplicas > 0 { #expect(verdict.lost == 0, "\(verdict.missing)") }
    }
  }
}
