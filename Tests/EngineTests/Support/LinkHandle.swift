import Common
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import TestSupport

@testable import Node

/// A ``RedisLink`` on an event loop, for tests, which run beside the loop. Stopped when it goes.
final class LinkHandle: Sendable {
  let eventLoop: any EventLoop
  let link: NIOLoopBound<RedisLink>

  init(
    _ url: String, tls: NIOSSLContext? = nil, scripts: [Script] = [], mostPending: Int = 8192,
    eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(), logger: Logger = .silent
  ) async throws {
    let configuration = RedisLink.Configuration(
      url: try RedisURL(url), tls: tls, clientName: "holdfast:test", scripts: scripts, mostPending: mostPending)
    self.eventLoop = eventLoop
    link = try await eventLoop.submit {
      let link = RedisLink(eventLoop: eventLoop, configuration: configuration, logger: logger)
      link.start()
      return NIOLoopBound(link, eventLoop: eventLoop)
    }.get()
  }

  deinit {
    let link = link
    eventLoop.execute { link.value.stop() }
  }

  /// Sends one command; tells what its caller was told.
  func send(_ words: String..., within limit: TimeAmount = .seconds(10)) async -> Result<RedisReply, RedisFailure> {
    await send(words, within: limit)
  }

  func send(_ words: [String], within limit: TimeAmount = .seconds(10)) async -> Result<RedisReply, RedisFailure> {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [link] in
        var command = ByteBuffer()
        command.writeRedisCommand(words)
        link.value.send(command, deadline: .now() + limit) { continuation.resume(returning: $0) }
      }
    }
  }

  /// Sends a command ahead of whatever is asked for next.
  func post(_ words: [String]) {
    eventLoop.execute { [link] in
      var command = ByteBuffer()
      command.writeRedisCommand(words)
      link.value.send(command, deadline: .now() + .seconds(10)) { _ in }
    }
  }

  /// The reply of a command that is expected to be answered.
  @discardableResult
  func reply(_ words: String...) async throws -> RedisReply {
    try await send(words).get()
  }

  /// The integer that a command is answered with, told as a number or as text.
  func integer(_ words: String...) async throws -> Int? {
    switch try await send(words).get() {
    case .integer(let number): Int(number)
    case let other: other.text.flatMap { Int($0) }
    }
  }

  /// Redis's TIME as answers show instants; of equal length, they compare as text.
  func time() async throws -> String {
    let parts = try await reply("TIME").elements.map { Int64($0.text ?? "") ?? 0 }
    return RFC3339.string(epochMilliseconds: parts[0] * 1000 + parts[1] / 1000)
  }

  var status: RedisLink.Status {
    get async throws { try await eventLoop.submit { [link] in link.value.status() }.get() }
  }

  func whenUp() async throws {
    try await eventually("the link is up") { try await status.isUp }
  }

  func stop() async throws {
    try await eventLoop.submit { [link] in link.value.stop() }.get()
  }
}

extension ByteBuffer {
  mutating func writeRedisCommand(_ words: [String]) {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    writeRedisCommand(arguments)
  }
}

extension Logger {
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
