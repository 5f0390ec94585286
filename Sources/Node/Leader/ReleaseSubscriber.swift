import NIOCore
import RedisClient

/// Tells followers at once when a leader gives its lease back, so that none need wait for its next look.
///
/// A blocking read of the stream of releases, on a link of its own. Belongs to the event loop of that link.
final class ReleaseSubscriber {
  /// Shorter than the silence after which a link takes no more commands (``LinkMachine``).
  private static let block = TimeAmount.milliseconds(800)
  private static let limit = TimeAmount.milliseconds(1500)
  private static let pause = TimeAmount.milliseconds(100)

  private let link: RedisLink
  private let stream: String
  /// The last release that was heard; only later ones are told. Nil after a failure: then every later one is told.
  private var heard: String?

  /// - Parameter stream: the key of the stream of releases.
  init(link: RedisLink, stream: String) {
    precondition(Self.block < Self.limit, "a read without a release must end before it is given up")
    self.link = link
    self.stream = stream
  }

  /// Calls `told` on each release from now on, for ever.
  func subscribe(_ told: @escaping () -> Void) {
    var command = ByteBuffer()
    let block = "\(Self.block.nanoseconds / 1_000_000)"
    command.writeRedisCommand(
      RedisArguments("XREAD", "BLOCK", block, "COUNT", "1", "STREAMS", stream, heard ?? "$"))
    link.send(command, deadline: link.eventLoop.now + Self.limit) { [self] result in
      switch result {
      case .success(.null): subscribe(told)
      case .success(let reply):
        guard let id = reply.firstStreamEntry else { return subscribeLater(told) }
        heard = id
        told()
        subscribe(told)
      case .failure: subscribeLater(told)
      }
    }
  }

  private func subscribeLater(_ told: @escaping () -> Void) {
    heard = nil
    link.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in subscribe(told) }
  }
}

extension RedisReply {
  /// The id of the first entry in a reply of XREAD.
  fileprivate var firstStreamEntry: String? {
    guard case .array(let streams) = self, case .array(let stream)? = streams.first, stream.count == 2,
      case .array(let entries) = stream[1], case .array(let entry)? = entries.first
    else { return nil }
    return entry.first?.text
  }
}
