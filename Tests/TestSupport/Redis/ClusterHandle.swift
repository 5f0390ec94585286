import Logging
import NIOCore
import NIOPosix
import RedisClient

/// The links to a Redis Cluster on an event loop, for tests that run outside the loop. Stopped when this is released.
package final class ClusterHandle: Sendable {
  private let eventLoop: any EventLoop
  private let links: NIOLoopBound<ClusterLinks>

  package init(
    _ url: String, eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(), logger: Logger = .silent
  ) async throws {
    guard case .cluster(let seeds) = try RedisTopology(url) else { throw RedisURL.Invalid(reason: "no Cluster") }
    self.eventLoop = eventLoop
    links = try await eventLoop.submit {
      let map = ClusterMap(eventLoop: eventLoop, seeds: seeds, tls: nil, logger: logger)
      let links = ClusterLinks(map) { url, slot in
        let vacantKey = "{\(Self.tag(of: slot))}vacant"
        let link = RedisLink(
          eventLoop: eventLoop, servers: FixedServer(url, longestRetryDelay: .milliseconds(250)),
          configuration: .init(clientName: "holdfast:test", vacantKey: vacantKey), logger: logger)
        return SingleLink(link, probe: LinkProbe(link: link, vacantKey: vacantKey))
      }
      links.start()
      return NIOLoopBound(links, eventLoop: eventLoop)
    }.get()
  }

  deinit {
    let links = links
    eventLoop.execute { links.value.stop() }
  }

  /// The least number whose slot this is.
  private static func tag(of slot: Int) -> String {
    var number = 0
    while HashSlot.of(String(number).utf8) != slot { number += 1 }
    return String(number)
  }

  /// Sends one command over the way to the slot of its second word, and returns what its caller was told.
  package func send(_ words: [String], within limit: TimeAmount = .seconds(1)) async -> LinkHandle.Answer {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [links] in
        var command = ByteBuffer()
        command.writeRedisCommand(words)
        links.value.sender(of: HashSlot.of(words[1].utf8)).send(command, deadline: .now() + limit) {
          continuation.resume(returning: $0)
        }
      }
    }
  }

  /// Sends until the server that has the key takes it, and returns its reply. A command that may have been run is not
  /// sent again.
  package func reply(_ words: String...) async throws -> RedisReply {
    var reply = RedisReply.null
    try await eventually("\(words) is answered") {
      switch await send(words, within: .seconds(30)) {
      case .failure(.notSent): return false
      case .failure(let failure): throw failure
      case .success(.error(let line)) where RedisFailure.Rejection(line: line).passesByItself: return false
      case .success(let told): reply = told
      }
      return true
    }
    return reply
  }

  package var status: RedisLink.Status {
    get async throws {
      try await eventLoop.submit { [links, eventLoop] in links.value.status(at: eventLoop.now) }.get()
    }
  }

  /// How many times the way to a key has come to lead to another server, or to a new connection.
  package func reconnects(of key: String) async throws -> Int {
    try await eventLoop.submit { [links] in links.value.sender(of: HashSlot.of(key.utf8)).reconnects }.get()
  }
}

extension RedisFailure.Rejection {
  fileprivate var passesByItself: Bool { if case .notYet = self { true } else { false } }
}
