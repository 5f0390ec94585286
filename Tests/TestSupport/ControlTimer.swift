import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Tells how late this process is: timers that do nothing but look how much after their time they came.
///
/// Where a promise is a time, a test adds ``allowance(since:)`` to it: on a machine at leisure that is next to nothing,
/// and on one that lets each process wait it is as much as it lets them wait, over a few steps in a row. So such a
/// promise is as strict as the machine is quick, and load alone cannot break it.
package final class ControlTimer: Sendable {
  package static let shared = ControlTimer()

  /// Clients of tests have a thread of their own, so that busy tests do not falsify what these measure.
  package static let eventLoop: any EventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

  /// So do proxies, several of them: one that is told to part bytes keeps a thread busy, and must slow no other down.
  package static let proxyThreads = MultiThreadedEventLoopGroup(numberOfThreads: 4)

  private static let tick = Duration.milliseconds(10)
  /// A request goes through some processes, each of which may have to wait as long as this one did at worst.
  private static let steps = 10
  /// Lateness of so many ticks is kept: some minutes.
  private static let maxKept = 60_000
  /// From so much lateness on, a node may run into its own limits, of half a second and more, without a fault of its
  /// own.
  private static let starvation = Duration.milliseconds(100)

  private struct Tick {
    var at: ContinuousClock.Instant
    var late: Duration
  }

  private struct Past {
    var late: [Tick] = []
    /// When the next tick of each timer is due.
    var due: [Int: ContinuousClock.Instant] = [:]
  }

  private let past = NIOLockedValueBox(Past())

  private init() {
    // Where clients wait for answers, where replies pass through proxies, and where tests run.
    let loops = [Self.eventLoop] + Self.proxyThreads.makeIterator()
    for (timer, loop) in loops.enumerated() {
      loop.scheduleRepeatedTask(initialDelay: .zero, delay: TimeAmount(Self.tick)) { [self] _ in noteTick(of: timer) }
    }
    Task { [self] in
      while true {
        noteTick(of: loops.count)
        try? await Task.sleep(for: Self.tick)
      }
    }
  }

  private func noteTick(of timer: Int) {
    let now = ContinuousClock.now
    past.withLockedValue { past in
      if let due = past.due[timer], now > due { past.late.append(Tick(at: now, late: now - due)) }
      past.due[timer] = now + Self.tick
      if past.late.count > Self.maxKept { past.late.removeFirst(Self.maxKept / 2) }
    }
  }

  /// How late a timer was at worst since then. One that is overdue now counts too.
  package func worst(since instant: ContinuousClock.Instant) -> Duration {
    let now = ContinuousClock.now
    return past.withLockedValue { past in
      let overdue = past.due.values.map { now - $0 }
      let late = past.late.reversed().prefix { $0.at >= instant }.map(\.late)
      return (late + overdue).max().map { max($0, .zero) } ?? .zero
    }
  }

  /// What load may have added to anything that began then.
  package func allowance(since instant: ContinuousClock.Instant) -> Duration { worst(since: instant) * Self.steps }

  /// Whether processes had to wait so long since then that "try again" is an honest answer of any node.
  package func isStarved(since instant: ContinuousClock.Instant) -> Bool { worst(since: instant) > Self.starvation }
}

/// Does something until it has come about, for what only a machine with some time to spare lets happen: `attempt` tells
/// whether it has. What must hold in any case is judged within it.
package func untilShown(
  _ what: String, attempts: Int = 20, _ attempt: () async throws -> Bool
) async throws {
  for _ in 0..<attempts where try await attempt() { return }
  throw ServerProcess.StartFailed(description: "could not be shown in \(attempts) attempts: \(what)")
}
