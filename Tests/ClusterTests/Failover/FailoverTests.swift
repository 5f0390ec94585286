import Foundation
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Causes a fault of the master `rounds` times, with three nodes. Nothing impossible may remain, and no node may end.
private func strike(_ fault: MasterFault, times rounds: Int = 1, minReplicas: Int = 0) async throws -> Verdict {
  var verdict = Verdict()
  // If a busy machine delays a master for a second, Sentinels start a failover of their own.
  try await untilShown("failovers that were asked for, and no other", attempts: 5) {
    // One replica more than writes wait for, because one server may be down.
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
        // Two failovers instead of one, or another one between two.
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
  /// A master with two replicas under Sentinel. Compares what shoppers were told with what the next master knows.
  @Suite struct FailoverTests {
    @Test(arguments: MasterFault.allCases)
    func `whatever happens to the master, all nodes serve again, and what is lost is all that went wrong`(
      fault: MasterFault
    ) async throws {
      let verdict = try await strike(fault)
      // The node that was cut off with the old master kept selling there. A judge that finds no loss is wrong.
      if fault == .split { #expect(verdict.lost > 0) }
    }

    @Test func `an acknowledged change that waited for a replica survives kill -9 of the master`() async throws {
      let verdict = try await strike(.kill, minReplicas: 1)
      #expect(verdict.lost == 0, "\(verdict.missing)")
    }
  }

  /// Many failovers in a row, for figures of losses. They run only on request:
  ///
  ///     HOLDFAST_TEST_FAILOVERS=20 HOLDFAST_TEST_FAULT=kill HOLDFAST_TEST_MIN_REPLICAS=1 \
  ///       swift test --skip-build --filter FailoverSoakTests
  @Suite struct FailoverSoakTests {
    private static let rounds = number("FAILOVERS")
    private static let minReplicas = number("MIN_REPLICAS")
    /// `kill` unless the setting names another fault.
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
