import Common
import NIOCore
import NIOEmbedded
import RedisClient
import Testing

/// A link on which the test plays the part of Redis. Time is the embedded loop's: only the test advances it.
///
/// Redis's clock is ``redisOffset`` ahead of the loop's.
package final class ScriptedLink: CommandSender {
  package typealias Answer = Result<RedisReply, RedisFailure>

  package static let redisOffset: Int64 = 1_795_337_100_000

  package struct Command {
    package var arguments: [String]
    package var bytes: [UInt8]
    package var sentAt: NIODeadline
    package var deadline: NIODeadline
    package var awaitsReplicas: Bool
    package var answer: (Answer) -> Void

    /// The not-after instant of a script call, in Redis's time.
    package var notAfter: Int64 { arguments.count > 3 ? Int64(arguments[3]) ?? -1 : -1 }
    package func line(_ text: String) { answer(.success(.bytes(Array(text.utf8)))) }
  }

  package let loop: EmbeddedEventLoop
  package var eventLoop: any EventLoop { loop }
  package private(set) var clock = RedisClock()
  package var connectionID: Int64? = 1
  package var reconnects = 0
  /// Only tests call it.
  package var whenUp: (() -> Void)? { willSet { precondition(whenUp == nil, "a second one would replace the first") } }
  package private(set) var sent: [Command] = []
  package private(set) var reconnectReasons: [String] = []
  package private(set) var findings: [LinkFindings] = []
  /// Called with each command, in the order of sending.
  package var onSend: (Command) -> Void = { _ in }

  /// - Parameter knowsClock: whether Redis's clock is already known.
  package init(loop: EmbeddedEventLoop = EmbeddedEventLoop(), knowsClock: Bool = true) {
    self.loop = loop
    if knowsClock { observe(redisMilliseconds: redisNow) }
  }

  /// The command at this place in the order of sending. The test fails if there is none.
  package subscript(index: Int) -> Command {
    if sent.indices.contains(index) { return sent[index] }
    Issue.record("only \(sent.count) commands were sent, none at \(index)")
    return Command(arguments: Self.noArguments, bytes: [], sentAt: loop.now, deadline: loop.now, awaitsReplicas: false)
    { _ in }
  }

  package var last: Command { self[sent.count - 1] }

  /// Redis's clock, epoch milliseconds.
  package var redisNow: Int64 { Self.redisOffset + Int64(loop.now.uptimeNanoseconds / 1_000_000) }

  package func send(
    _ command: ByteBuffer, deadline: NIODeadline, awaitsReplicas: Bool, completion: @escaping RedisLink.Completion
  ) {
    let sending = Command(
      arguments: Self.arguments(command), bytes: Array(command.readableBytesView), sentAt: loop.now, deadline: deadline,
      awaitsReplicas: awaitsReplicas, answer: completion)
    sent.append(sending)
    onSend(sending)
  }

  package func observe(redisMilliseconds: Int64) { clock.observe(redisMilliseconds, at: loop.now) }

  package func reconnect(because reason: String) { reconnectReasons.append(reason) }

  package func take(_ findings: LinkFindings) { self.findings.append(findings) }

  package func at(_ instant: NIODeadline, _ act: @escaping () -> Void) {
    loop.assumeIsolated().scheduleTask(deadline: instant, act)
  }

  package func pass(_ milliseconds: Int64) { loop.advanceTime(by: .milliseconds(milliseconds)) }

  /// Starts async work with a subject that belongs to the loop. The box holds the result, or nil until there is one.
  package func begin<Subject, Success: Sendable, Failure>(
    _ subject: Subject, _ work: @escaping @Sendable (Subject) async throws(Failure) -> Success
  ) -> NIOLoopBoundBox<Result<Success, Failure>?> {
    let told = NIOLoopBoundBox<Result<Success, Failure>?>(nil, eventLoop: loop)
    NIOLoopBound(subject, eventLoop: loop).task { subject in
      do throws(Failure) {
        told.value = .success(try await work(subject))
      } catch {
        told.value = .failure(error)
      }
    }
    loop.run()
    return told
  }

  private static let noArguments = Array(repeating: "", count: 12)

  /// The arguments of a command. A command is an array of bulk strings, so the reply reader can read it.
  private static func arguments(_ command: ByteBuffer) -> [String] {
    var reader = ReplyReader()
    command.withUnsafeReadableBytes { bytes in try? reader.feed(bytes) }
    guard let reply = try? reader.next(), case .array(let parts) = reply else {
      Issue.record("the sent bytes are no command")
      return noArguments
    }
    return parts.map { $0.text ?? "" }
  }
}

extension ScriptedLink: LinkSet {
  package func sender(of slot: Int) -> any CommandSender { self }
  package var senders: [any CommandSender] { [self] }
  package func status(at now: NIODeadline) -> RedisLink.Status {
    RedisLink.Status(isUp: true, pending: 0, reconnects: reconnects)
  }
  package func start() {}
  package func stop() {}
}
