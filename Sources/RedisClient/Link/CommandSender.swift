import NIOCore

/// What the callers of Redis need of the way to it: ``RedisLink``, or in tests a scripted one in its place.
package protocol CommandSender: AnyObject {
  /// Where everything happens, and whose clock bounds it.
  var eventLoop: any EventLoop { get }
  var clock: RedisClock { get }
  /// Redis's number of the present connection; nil without one.
  var connectionID: Int64? { get }
  /// How many connections there were after the first one.
  var reconnects: Int { get }
  /// Called whenever the link has come up, after what has waited for it was sent.
  var whenUp: (() -> Void)? { get set }
  /// Sends a command. `completion` is called exactly once, never before `send` returns.
  ///
  /// - Parameter awaitsReplicas: its success is told only when as many replicas as the link is to wait for have what it
  ///   has written, and else as ``RedisFailure/Unknown/notReplicated(_:)``. An error that Redis answers is told at once.
  func send(
    _ command: ByteBuffer, deadline: NIODeadline, awaitsReplicas: Bool, completion: @escaping RedisLink.Completion)
  /// Takes in the time that a reply has told, epoch milliseconds.
  func observe(redisMilliseconds: Int64)
  /// Ends the present link, for a server that must not be talked to any longer; a new one is made.
  func reconnect(because reason: String)
  /// Takes in what a probe has found of the server.
  func take(_ findings: LinkFindings)
}

extension CommandSender {
  /// The same, of what waits for no replica.
  package func send(_ command: ByteBuffer, deadline: NIODeadline, completion: @escaping RedisLink.Completion) {
    send(command, deadline: deadline, awaitsReplicas: false, completion: completion)
  }
}

extension RedisLink: CommandSender {}
