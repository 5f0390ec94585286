import NIOCore

/// What callers need to send commands to Redis: a ``RedisLink``, or a scripted stand-in in tests.
package protocol CommandSender: AnyObject {
  /// Everything runs on this loop. Its clock measures the deadlines.
  var eventLoop: any EventLoop { get }
  var clock: RedisClock { get }
  /// The ID that Redis gave the current connection (CLIENT ID). Nil without a connection.
  var connectionID: Int64? { get }
  /// How many times the link came up after the first time.
  var reconnects: Int { get }
  /// Called each time the link has come up, after the queued commands were sent. It is set once: one is told of it.
  var whenUp: (() -> Void)? { get set }
  /// Sends a command. `completion` is called exactly once, never before `send` returns.
  ///
  /// - Parameter awaitsReplicas: success is reported only when the configured number of replicas have the write.
  ///   Otherwise the result is ``RedisFailure/Unknown/notReplicated(_:because:)``. An error reply is passed on at once.
  func send(
    _ command: ByteBuffer, deadline: NIODeadline, awaitsReplicas: Bool, completion: @escaping RedisLink.Completion)
  /// Passes on Redis's time from a reply, in epoch milliseconds.
  func observe(redisMilliseconds: Int64)
  /// Ends the current connection, because its server must not be used any longer. The link then makes a new one.
  func reconnect(because reason: String)
  /// Passes on what a probe has found out about the server.
  func take(_ findings: LinkFindings)
}

extension CommandSender {
  /// Sends a command that waits for no replica.
  package func send(_ command: ByteBuffer, deadline: NIODeadline, completion: @escaping RedisLink.Completion) {
    send(command, deadline: deadline, awaitsReplicas: false, completion: completion)
  }
}

extension RedisLink: CommandSender {}
