import NIOCore
import NIOEmbedded
import Testing

@testable import Node

/// A way to Redis whose other end a test plays. Time is the embedded loop's, and goes on only when the test says so.
///
/// Redis's clock is ``redisOffset`` ahead of the loop's.
final class ScriptedLink: CommandSender {
  typealias Answer = Result<RedisReply, RedisFailure>

  static let redisOffset: Int64 = 1_795_337_100_000

  struct Command {
    var arguments: [String]
    var bytes: [UInt8]
    var sentAt: NIODeadline
    var deadline: NIODeadline
    var answer: (Answer) -> Void

    /// Redis's clock may say no more than this when a script does something.
    var notAfter: Int64 { arguments.count > 3 ? Int64(arguments[3]) ?? -1 : -1 }
    func line(_ text: String) { answer(.success(.bytes(Array(text.utf8)))) }
  }

  let loop: EmbeddedEventLoop
  var eventLoop: any EventLoop { loop }
  private(set) var clock = RedisClock()
  private(set) var sent: [Command] = []
  private(set) var reconnectReasons: [String] = []
  /// Told of every command, in the order of sending.
  var onSend: (Command) -> Void = { _ in }

  /// - Parameter knowsClock: whether Redis's clock has been seen already.
  init(loop: EmbeddedEventLoop = EmbeddedEventLoop(), knowsClock: Bool = true) {
    self.loop = loop
    if knowsClock { observe(redisMilliseconds: redisNow) }
  }

  /// The command that was sent as the so-manieth. A test that asks for one that was not sent has failed.
  subscript(index: Int) -> Command {
    if sent.indices.contains(index) { return sent[index] }
    Issue.record("only \(sent.count) commands were sent, none at \(index)")
    return Command(arguments: Self.noArguments, bytes: [], sentAt: loop.now, deadline: loop.now) { _ in }
  }

  var last: Command { self[sent.count - 1] }

  /// Redis's clock, epoch milliseconds.
  var redisNow: Int64 { Self.redisOffset + Int64(loop.now.uptimeNanoseconds / 1_000_000) }

  func send(_ command: ByteBuffer, deadline: NIODeadline, completion: @escaping RedisLink.Completion) {
    let sending = Command(
      arguments: Self.arguments(command), bytes: Array(command.readableBytesView), sentAt: loop.now, deadline: deadline,
      answer: completion)
    sent.append(sending)
    onSend(sending)
  }

  func observe(redisMilliseconds: Int64) { clock.observe(redisMilliseconds, at: loop.now) }

  func reconnect(because reason: String) { reconnectReasons.append(reason) }

  func at(_ instant: NIODeadline, _ act: @escaping () -> Void) {
    loop.assumeIsolated().scheduleTask(deadline: instant, act)
  }

  func pass(_ milliseconds: Int64) { loop.advanceTime(by: .milliseconds(milliseconds)) }

  private static let noArguments = Array(repeating: "", count: 12)

  /// A command is an array of bulk strings, as replies may be.
  private static func arguments(_ command: ByteBuffer) -> [String] {
    var reader = ReplyReader()
    command.withUnsafeReadableBytes { bytes in try? reader.feed(bytes) }
    guard let reply = try? reader.next(), case .array(let parts) = reply else {
      Issue.record("what was sent is no command")
      return noArguments
    }
    return parts.map { $0.text ?? "" }
  }
}
