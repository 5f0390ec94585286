import Logging
import NIOCore

/// Tells in the log why the store refused requests: Redis's own words, with the request's id and the script's name.
///
/// While Redis takes no writes every request brings such a line, so only some of them are written; the next one that is
/// tells how many were not. Belongs to its event loop.
struct StoreErrorLog {
  private static let maxPerSecond = 10

  private let logger: Logger
  private var secondEnds = NIODeadline.uptimeNanoseconds(0)
  private var written = 0
  private var suppressed = 0

  init(logger: Logger) { self.logger = logger }

  mutating func note(_ cause: String, id: String, _ operation: Operation?, at now: NIODeadline) {
    if now >= secondEnds {
      secondEnds = now + .seconds(1)
      written = 0
    }
    guard written < Self.maxPerSecond else {
      suppressed += 1
      return
    }
    written += 1
    logger.error(
      "the store refused a request",
      metadata: [
        "requestID": "\(id)", "operation": "\(operation?.rawValue ?? "none")", "redis": "\(cause)",
        "suppressedBefore": .stringConvertible(suppressed),
      ])
    suppressed = 0
  }
}
