import NIOCore

/// Sends to the master that serves a hash slot at the time. Belongs to its event loop.
///
/// A command that has gone to the wrong server did nothing there. Its sender is told so, and sends it anew: it must judge
/// its bounds by the clock of the other server.
final class SlotSender: CommandSender {
  let eventLoop: any EventLoop
  private let map: ClusterMap
  private var link: RedisLink?
  private var server: ServerAddress?
  /// Whose reply is being told.
  private var replying: RedisLink?
  private var formerReconnects = 0
  var whenUp: (() -> Void)? { willSet { precondition(whenUp == nil, "a second one would replace the first") } }

  init(_ map: ClusterMap) {
    (self.map, eventLoop) = (map, map.eventLoop)
  }

  /// From now on this link leads to the slot. Nil if none does.
  func use(_ new: RedisLink?, to server: ServerAddress?) {
    guard new !== link else { return }
    // Another server counts as a new connection, even if its link has long been up.
    if link != nil { formerReconnects = reconnects + 1 }
    formerReconnects -= new?.reconnects ?? 0
    (link, self.server) = (new, server)
    if new?.status().isUp == true { whenUp?() }
  }

  func isServed(by link: RedisLink) -> Bool { self.link === link }

  /// Another server has another clock.
  var clock: RedisClock { link?.clock ?? RedisClock() }
  var connectionID: Int64? { link?.connectionID }
  var reconnects: Int { formerReconnects + (link?.reconnects ?? 0) }

  func send(
    _ command: ByteBuffer, deadline: NIODeadline, awaitsReplicas: Bool, completion: @escaping RedisLink.Completion
  ) {
    guard let link, let server else {
      return eventLoop.assumeIsolated().execute { completion(.failure(.notSent(.offline))) }
    }
    link.send(command, deadline: deadline, awaitsReplicas: awaitsReplicas) { [self] result in
      if case .success(.error(let line)) = result { map.heard(line, from: server) }
      let outer = replying
      replying = link
      completion(result)
      replying = outer
    }
  }

  func observe(redisMilliseconds: Int64) { (replying ?? link)?.observe(redisMilliseconds: redisMilliseconds) }
  func reconnect(because reason: String) { (replying ?? link)?.reconnect(because: reason) }
  func take(_ findings: LinkFindings) { link?.take(findings) }
}
