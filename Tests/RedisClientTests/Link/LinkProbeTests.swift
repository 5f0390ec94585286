import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct LinkProbeTests {
  private static let latency = TimeAmount.milliseconds(3)

  /// A link used only by a probe. Its Redis has a clock that can be set.
  private final class Bench {
    let link: ScriptedLink
    /// How far Redis's clock was set back, in milliseconds.
    var setBack: Int64 = 0
    var measured: [TimeAmount] = []

    /// - Parameter answer: the answer to every question. Nil for Redis's own answers.
    init(link: ScriptedLink = ScriptedLink(), answer: ScriptedLink.Answer? = nil, checksRights: Bool = false) {
      self.link = link
      link.onSend = { [unowned self] command in
        link.at(link.loop.now + LinkProbeTests.latency) { command.answer(answer ?? self.reply(to: command)) }
      }
      LinkProbe(link: link, vacantKey: "p:nobody", checksRights: checksRights) { self.measured.append($0) }.start()
    }

    var redisNow: Int64 { link.redisNow - setBack }

    private func reply(to command: ScriptedLink.Command) -> ScriptedLink.Answer {
      switch command.arguments {
      case ["TIME"]: break
      case ["ROLE"]: return .success(.array([.bytes(Array("master".utf8)), .integer(0), .array([])]))
      case ["DEL", "p:nobody"]: return .success(.integer(0))
      case ["CLIENT", "LIST", "ID", "1"]: return .success(.bytes([]))
      default:
        Issue.record("asked \(command.arguments)")
        return .success(.null)
      }
      let parts = ["\(redisNow / 1000)", "\(redisNow % 1000 * 1000 + 999)"]
      return .success(.array(parts.map { .bytes(Array($0.utf8)) }))
    }
  }

  /// The not-after instants of writes depend on this clock. They must not move later when it was set back.
  @Test func `Redis's clock is followed where nobody uses the link`() throws {
    let bench = Bench()
    bench.link.pass(60_000)
    bench.setBack = 30_000
    bench.link.pass(11_000)
    let known = try #require(bench.link.clock.time(at: bench.link.loop.now))
    #expect((0...5).contains(bench.redisNow - known), "behind by \(bench.redisNow - known) ms")
  }

  @Test func `the time is read in milliseconds`() {
    let reply = RedisReply.array([.bytes(Array("1795337100".utf8)), .bytes(Array("123999".utf8))])
    #expect(reply.timeMilliseconds == 1_795_337_100_123)
  }

  @Test func `twice a second a round trip is measured`() {
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
  func `what is no time tells nothing of the clock`(reply: RedisReply) {
    let bench = Bench(link: ScriptedLink(knowsClock: false), answer: .success(reply))
    bench.link.pass(1000)
    #expect(bench.link.clock.time(at: bench.link.loop.now) == nil && reply.timeMilliseconds == nil)
  }

  @Test func `a probe that is stopped asks nothing more`() {
    let link = ScriptedLink()
    let probe = LinkProbe(link: link, vacantKey: "p:nobody")
    probe.start()
    probe.stop()
    link.pass(10_000)
    #expect(link.sent.count == 3)
  }

  @Test func `what has no answer is not measured`() {
    let bench = Bench(answer: .failure(.unknown(.deadlinePassed)))
    bench.link.pass(1900)
    #expect(bench.measured.isEmpty && bench.link.findings.isEmpty)
    #expect(bench.link.sent.filter { $0.arguments == ["TIME"] }.count == 4)
  }

  @Test(arguments: [(false, ["TIME", "ROLE", "DEL"]), (true, ["TIME", "ROLE", "CLIENT", "DEL"])])
  func `what is found is told once for each round`(checksRights: Bool, asked: [String]) {
    let bench = Bench(checksRights: checksRights)
    bench.link.pass(900)
    #expect(bench.link.sent.map { $0.arguments[0] } == asked + asked)
    #expect(Set(bench.link.sent.prefix(asked.count).map(\.sentAt)).count == 1, "all in one write")
    #expect(bench.link.findings.map(\.role) == [.master, .master])
    #expect(bench.link.findings.allSatisfy { $0.hasWritten && $0.refusal == nil && $0.warnings.isEmpty })
  }
}
