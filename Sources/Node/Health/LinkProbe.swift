import NIOCore

/// Pings a link twice a second: a link that has gone silent is noticed although nobody uses it.
/// Belongs to the event loop of its link.
final class LinkProbe {
  private static let interval = TimeAmount.milliseconds(500)
  private static let limit = TimeAmount.seconds(1)

  private let link: RedisLink
  private let measured: (TimeAmount) -> Void

  /// - Parameter measured: called with each round trip.
  init(link: RedisLink, measured: @escaping (TimeAmount) -> Void = { _ in }) {
    self.link = link
    self.measured = measured
  }

  func start() {
    var ping = ByteBuffer()
    ping.writeRedisCommand(RedisArguments("PING"))
    let sent = NIODeadline.now()
    link.send(ping, deadline: sent + Self.limit) { [measured] result in
      if case .success = result { measured(.now() - sent) }
    }
    link.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in start() }
  }
}
