import Common
import HummingbirdCore
import Logging

/// Bounds the connections that there are at once. The bound lies below the limit of file descriptors, so that probes
/// and files have theirs. Further connections wait in the kernel's queue until others have ended.
struct ConnectionLimit: AvailableConnectionsDelegate {
  /// The log says no more often than this that all connections are taken.
  private static let minLinePause = Duration.seconds(60)

  private let maxConnections: Int
  private let logger: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private var taken = 0
  private var lastLine: ContinuousClock.Instant?

  init(_ maxConnections: Int, logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant) {
    precondition(maxConnections > 0, "a server without connections serves nobody")
    (self.maxConnections, self.logger, self.now) = (maxConnections, logger, now)
  }

  mutating func connectionOpened() {
    taken += 1
    let now = now()
    guard taken >= maxConnections, lastLine.map({ now - $0 >= Self.minLinePause }) ?? true else { return }
    lastLine = now
    logger.warning("all connections are taken: further ones wait", metadata: ["connections": .number(taken)])
  }

  mutating func connectionClosed() {
    taken -= 1
    assert(taken >= 0, "only what was opened is closed")
  }

  func isAcceptingNewConnections() -> Bool { taken < maxConnections }
}
