import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Measures how late timers fire in this process.
///
/// A test that checks a time adds ``allowance(since:)`` to it. On an idle machine the allowance is almost zero. On a
/// busy machine it is as long as processes have to wait, times a few steps. So the check is strict on a fast machine,
/// and load alone cannot break it.
package final class ControlTimer: Sendable {
  package static let shared = ControlTimer()

  /// Test clients have a thread of their own, so that busy tests do not distort what they measure.
  package static let eventLoop: any EventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

  /// Proxies have several threads of their own. A proxy that slices bytes keeps one busy and must not slow the others.
  package static let proxyThreads = MultiThreadedEventLoopGroup(numberOfThreads: 4)

  private static let tick = Duration.milliseconds(10)
  /// A request passes several processes. Each may have to wait as long as this one did at worst.
  private static let steps = 10
  /// How many ticks are kept: some minutes.
  private static let maxKept = 60_000
  /// From this lateness on, a node may exceed its own limits (half a second and more) without a fault of its own.
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
    // The threads of clients and of proxies. Another timer covers the threads of tests.
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

  /// The greatest lateness of a timer since `instant`. A timer that is overdue now counts too.
  package func worst(since instant: ContinuousClock.Instant) -> Duration {
    let now = ContinuousClock.now
    return past.withLockedValue { past in
      let overdue = past.due.values.map { now - $0 }
      let late = past.late.reversed().prefix { $0.at >= instant }.map(\.late)
      return (late + overdue).max().map { max($0, .zero) } ?? .zero
    }
  }

  /// How much time load may have added to anything that began at `instant`.
  package func allowance(since instant: ContinuousClock.Instant) -> Duration { worst(since: instant) * Self.steps }

  /// Whether processes have waited so long since `instant` that any node may rightly answer "try again".
  package func isStarved(since instant: ContinuousClock.Instant) -> Bool { worst(since: instant) > Self.starvation }
}

/// Repeats `attempt` until it returns true, for effects that show only on a machine that is not too busy. Checks that
/// must always hold belong inside `attempt`.
package func untilShown(
  _ what: String, attempts: Int = 20, _ attempt: () async throws -> Bool
) async throws {
  for _ in 0..<attempts where try await attempt() { return }
  throw ServerProcess.StartFailed(description: "could not be shown in \(attempts) attempts: \(what)")
}
