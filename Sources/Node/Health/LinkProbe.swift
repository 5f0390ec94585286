import NIOCore

/// Asks Redis for its time twice a second: a link that has gone silent is noticed although nobody uses it, and what is
/// known of Redis's clock stays fresh. Belongs to the event loop of its link.
final class LinkProbe {
  private static let interval = TimeAmount.milliseconds(500)
  private static let limit = TimeAmount.seconds(1)

  private let link: any CommandSender
  private let measured: (TimeAmount) -> Void

  /// - Parameter measured: called with each round trip.
  init(link: any CommandSender, measured: @escaping (TimeAmount) -> Void = { _ in }) {
    self.link = link
    self.measured = measured
  }

  func start() {
    var question = ByteBuffer()
    question.writeRedisCommand(RedisArguments("TIME"))
    let sent = link.eventLoop.now
    link.send(question, deadline: sent + Self.limit) { [link, measured] result in
      guard case .success(let reply) = result else { return }
      if let time = reply.timeMilliseconds { link.observe(redisMilliseconds: time) }
      measured(link.eventLoop.now - sent)
    }
    link.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in start() }
  }
}
