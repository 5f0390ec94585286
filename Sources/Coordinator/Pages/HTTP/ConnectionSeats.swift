import Common
import HummingbirdCore
import Logging

/// How many connections there may be at once: below the limit of file descriptors, so that probes and files have theirs.
/// Further ones wait in the kernel's queue until others have ended.
struct ConnectionSeats: AvailableConnectionsDelegate {
  /// That all are taken is said at most so often.
  private static let linePause = Duration.seconds(60)

  private let seats: Int
  private let logger: Logger
  private var taken = 0
  private var said: ContinuousClock.Instant?

  init(_ seats: Int, logger: Logger) { (self.seats, self.logger) = (seats, logger) }

  mutating func connectionOpened() {
    taken += 1
    let now = ContinuousClock.now
    guard taken >= seats, said.map({ now - $0 >= Self.linePause }) ?? true else { return }
    said = now
    logger.warning("all connections are taken: further ones wait", metadata: ["connections": .number(taken)])
  }

  mutating func connectionClosed() { taken -= 1 }

  func isAcceptingNewConnections() -> Bool { taken < seats }
}
