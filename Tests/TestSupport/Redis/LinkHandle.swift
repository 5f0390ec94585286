import Common
import Logging
import NIOCore
import NIOPosix
import RedisClient

/// A ``RedisLink`` on an event loop, for tests that run outside the loop. Stopped when this is released.
package final class LinkHandle: Sendable {
  package typealias Answer = Result<RedisReply, RedisFailure>

  /// A key that no test creates.
  private static let vacantKey = "reservation:vacant"

  package let eventLoop: any EventLoop
  package let link: NIOLoopBound<RedisLink>

  package init(
    _ url: String, tls: RedisTLS? = nil, scripts: [Script] = [], minReplicas: Int = 0, maxPending: Int = 8192,
    sentinels: SentinelAccess = SentinelAccess(),
    eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(), logger: Logger = .silent
  ) async throws {
    let configuration = RedisLink.Configuration(
      tls: tls, clientName: "holdfast:test", scripts: scripts, vacantKey: Self.vacantKey, minReplicas: minReplicas,
      maxPending: maxPending)
    let topology = try RedisTopology(url)
    self.eventLoop = eventLoop
    link = try await eventLoop.submit {
      let servers: any ServerLocator =
        switch topology {
        case .single(let url): FixedServer(url)
        case .sentinel(let group):
          SentinelLocator(eventLoop: eventLoop, group: group, access: sentinels, logger: logger)
        case .cluster: preconditionFailure("one link is not enough: see ClusterHandle")
        }
      let link = RedisLink(eventLoop: eventLoop, servers: servers, configuration: configuration, logger: logger)
      link.start()
      return NIOLoopBound(link, eventLoop: eventLoop)
    }.get()
  }

  deinit {
    let link = link
    eventLoop.execute { link.value.stop() }
  }

  /// Sends one command and returns what its caller was told.
  package func send(_ words: String..., within limit: TimeAmount = .seconds(30)) async -> Answer {
    await send(words, within: limit)
  }

  /// - Parameter awaitsReplicas: whether success is reported only when replicas have the write.
  package func send(
    _ words: [String], within limit: TimeAmount = .seconds(30), awaitsReplicas: Bool = false
  ) async -> Answer {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [link] in
        var command = ByteBuffer()
        command.writeRedisCommand(words)
        link.value.send(command, deadline: .now() + limit, awaitsReplicas: awaitsReplicas) {
          continuation.resume(returning: $0)
        }
      }
    }
  }

  /// Sends several commands in order, in one turn of the loop, and returns what each caller was told.
  /// - Parameter pause: runs on the loop after each command is sent.
  package func sendTogether(
    _ commands: [(words: [String], limit: TimeAmount)], pause: @escaping @Sendable () -> Void = {}
  ) async -> [Answer] {
    let promises = commands.map { _ in eventLoop.makePromise(of: Answer.self) }
    eventLoop.execute { [link] in
      for (command, promise) in zip(commands, promises) {
        var bytes = ByteBuffer()
        bytes.writeRedisCommand(command.words)
        link.value.send(bytes, deadline: .now() + command.limit) { promise.succeed($0) }
        pause()
      }
    }
    var results: [Answer] = []
    // The promises never fail.
    for promise in promises { if let result = try? await promise.futureResult.get() { results.append(result) } }
    return results
  }

  /// Sends a command before any later one, without waiting for its reply.
  package func post(_ words: [String]) {
    eventLoop.execute { [link] in
      var command = ByteBuffer()
      command.writeRedisCommand(words)
      link.value.send(command, deadline: .now() + .seconds(30)) { _ in }
    }
  }

  /// The reply to a command. The test fails if there is none.
  @discardableResult
  package func reply(_ words: String...) async throws -> RedisReply {
    try await send(words).get()
  }

  /// The integer reply to a command, which may come as a number or as text.
  package func integer(_ words: String...) async throws -> Int? {
    switch try await send(words).get() {
    case .integer(let number): Int(number)
    case let other: other.text.flatMap { Int($0) }
    }
  }

  /// Redis's TIME in the format of instants in answers. All have equal length, so they can be compared as text.
  package func time() async throws -> String {
    let parts = try await reply("TIME").elements.map { Int64($0.text ?? "") ?? 0 }
    return RFC3339.string(epochMilliseconds: parts[0] * 1000 + parts[1] / 1000)
  }

  package var status: RedisLink.Status {
    get async throws { try await eventLoop.submit { [link] in link.value.status() }.get() }
  }

  package func whenUp() async throws {
    try await eventually("the link is up") { try await status.isUp }
  }

  /// Starts to probe the link as a node does.
  package func probe(checksRights: Bool = false) async throws {
    try await eventLoop.submit { [link] in
      LinkProbe(link: link.value, vacantKey: Self.vacantKey, checksRights: checksRights).start()
    }.get()
  }

  package func stop() async throws {
    try await eventLoop.submit { [link] in link.value.stop() }.get()
  }
}

extension ByteBuffer {
  package mutating func writeRedisCommand(_ words: [String]) {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    writeRedisCommand(arguments)
  }
}

extension Logger {
  package static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
