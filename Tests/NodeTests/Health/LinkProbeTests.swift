import NIOCore
import Testing

@testable import Node

@Suite struct LinkProbeTests {
  private static let latency = TimeAmount.milliseconds(3)

  /// A link that nobody uses but a probe, to a Redis whose clock can be set.
  private final class Bench {
    let link: ScriptedLink
    /// By how much Redis's clock has been set back.
    var setBack: Int64 = 0
    var measured: [TimeAmount] = []

    /// - Parameter answer: what every question is answered with; nil for what Redis says to it.
    init(link: ScriptedLink = ScriptedLink(), answer: ScriptedLink.Answer? = nil) {
      self.link = link
      link.onSend = { [unowned self] command in
        link.at(link.loop.now + LinkProbeTests.latency) { command.answer(answer ?? self.reply(to: command)) }
      }
      LinkProbe(link: link) { self.measured.append($0) }.start()
    }

    var redisNow: Int64 { link.redisNow - setBack }

    private func reply(to command: ScriptedLink.Command) -> ScriptedLink.Answer {
      guard command.arguments == ["TIME"] else { return .success(.status("PONG")) }
      let parts = ["\(redisNow / 1000)", "\(redisNow % 1000 * 1000 + 999)"]
      return .success(.array(parts.map { .bytes(Array($0.utf8)) }))
    }
  }

  /// What is known of it makes the not-after instants of writes: a clock that was set back must not lengthen them.
  @Test func redissClockIsFollowedWhereNobodyUsesTheLink() throws {
    let bench = Bench()
    bench.link.pass(60_000)
    bench.setBack = 30_000
    bench.link.pass(11_000)
    let known = try #require(bench.link.clock.time(at: bench.link.loop.now))
    #expect((0...5).contains(bench.redisNow - known), "behind by \(bench.redisNow - known) ms")
  }

  @Test func theTimeIsReadInMilliseconds() {
    let reply = RedisReply.array([.bytes(Array("1795337100".utf8)), .bytes(Array("123999".utf8))])
    #expect(reply.timeMilliseconds == 1_795_337_100_123)
  }

  @Test func twiceASecondARoundTripIsMeasured() {
    let bench = Bench()
    bench.link.pass(1900)
    #expect(bench.measured == Array(repeating: Self.latency, count: 4))
  }

  @Test(
    arguments: [
      .null, .integer(1), .status("PONG"), .error("BUSY"), .array([]),
      .array([.bytes([49]), .bytes([50]), .bytes([51])]),
      .array([.bytes([49]), .bytes([120])]), .array([.bytes([120]), .bytes([49])]), .array([.null, .null]),
    ] as [RedisReply])
  func whatIsNoTimeTellsNothingOfTheClock(reply: RedisReply) {
    let bench = Bench(link: ScriptedLink(knowsClock: false), answer: .success(reply))
    bench.link.pass(1000)
    #expect(bench.link.clock.time(at: bench.link.loop.now) == nil && reply.timeMilliseconds == nil)
  }

  @Test func whatHasNoAnswerIsNotMeasured() {
    let bench = Bench(answer: .failure(.unknown(.deadlinePassed)))
    bench.link.pass(1900)
    #expect(bench.measured.isEmpty && bench.link.sent.count == 4)
  }
}
