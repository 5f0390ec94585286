import NIOCore

/// What scripts need of the way to Redis: ``RedisLink``, or in tests a scripted one in its place.
protocol CommandSender: AnyObject {
  /// Where everything happens, and whose clock bounds it.
  var eventLoop: any EventLoop { get }
  var clock: RedisClock { get }
  /// Sends a command. `completion` is called exactly once, never before `send` returns.
  func send(_ command: ByteBuffer, deadline: NIODeadline, completion: @escaping RedisLink.Completion)
  /// Takes in the time that a reply has told, epoch milliseconds.
  func observe(redisMilliseconds: Int64)
  /// Ends the present link, for a server that must not be talked to any longer; a new one is made.
  func reconnect(because reason: String)
}

extension RedisLink: CommandSender {}
