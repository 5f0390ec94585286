import Foundation
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Common

@Suite struct JSONLogHandlerTests {
  /// Keeps what was logged.
  private final class Lines: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])

    func append(_ bytes: UnsafeRawBufferPointer) {
      let line = String(decoding: bytes, as: UTF8.self)
      lines.withLockedValue { $0.append(line) }
    }

    var all: [String] { lines.withLockedValue { $0 } }
  }

  private let lines = Lines()

  private func logger(
    level: Logger.Level = .info, metadata: Logger.Metadata = [:],
    provider: Logger.MetadataProvider? = nil
  ) -> Logger {
    Logger(label: "holdfast.test") { [lines] label in
      JSONLogHandler(
        label: label, level: level, metadata: metadata, metadataProvider: provider,
        now: { 1_795_337_100_123 }, sink: lines.append)
    }
  }

  @Test func `a record is one line`() {
    logger().info("Redis link is up", metadata: ["port": "6379", "address": "redis://a\"b"])
    #expect(
      lines.all == [
        #"{"timestamp":"2026-11-22T08:45:00.123Z","level":"info","label":"holdfast.test","#
          + #""message":"Redis link is up","address":"redis://a\"b","port":"6379"}"# + "\n"
      ])
  }

  @Test func `what is below the level is not logged`() {
    let logger = logger(level: .warning)
    logger.info("no")
    logger.warning("yes")
    #expect(lines.all.count == 1)
  }

  @Test func `the nearest metadata counts`() throws {
    var logger = logger(
      metadata: ["nodeId": "handler", "a": "handler"],
      provider: Logger.MetadataProvider { ["a": "provider", "b": "provider", "c": "provider"] })
    logger[metadataKey: "nodeId"] = "logger"
    logger.info("m", metadata: ["b": "call"])
    let record = try decode()
    #expect(record["nodeId"] as? String == "logger")
    #expect(record["a"] as? String == "provider")
    #expect(record["b"] as? String == "call")
    #expect(record["c"] as? String == "provider")
  }

  @Test func `metadata is flattened and keeps its types`() throws {
    logger().info(
      "m",
      metadata: [
        "count": "\(1)", "number": .stringConvertible(42), "flag": .stringConvertible(true),
        "ratio": .stringConvertible(0.5), "nan": .stringConvertible(Double.nan),
        "redis": ["link": ["state": "up"], "pending": .stringConvertible(3)],
        "list": ["a", .stringConvertible(1), ["b"]], "empty": [:], "level": "mine",
      ])
    let record = try decode()
    #expect(record["count"] as? String == "1")
    #expect(record["number"] as? Int == 42)
    #expect(record["flag"] as? Bool == true)
    #expect(record["ratio"] as? Double == 0.5)
    #expect(record["nan"] as? String == "nan")
    #expect(record["redis.link.state"] as? String == "up")
    #expect(record["redis.pending"] as? Int == 3)
    let list = try #require(record["list"] as? [Any])
    #expect(list.count == 3)
    #expect((list[2] as? [String]) == ["b"])
    #expect(record["level"] as? String == "info")
    #expect(record["metadata.level"] as? String == "mine")
  }

  @Test func `errors are told and every character survives`() throws {
    struct Failure: Error, CustomStringConvertible { let description = "it \"broke\"\u{1}\u{7F}\t" }
    let message = "quote \" backslash \\ newline \n null \u{0} umlaut ü emoji 🧺 line \u{2028}"
    logger().error("\(message)", error: Failure())
    let record = try decode()
    #expect(record["message"] as? String == message)
    #expect(record["error"] as? String == Failure().description)
    #expect(lines.all[0].filter { $0 == "\n" }.count == 1)
  }

  private func decode() throws -> [String: Any] {
    let line = try #require(lines.all.first)
    return try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }
}
