import NIOCore
import Testing

@testable import RedisClient

@Suite struct CommandPipelineTests {
  private var pipeline = CommandPipeline(at: .uptimeNanoseconds(0))

  private static func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

  private func command(_ text: String = "x", deadline: Int64 = 60_000) -> CommandPipeline.Command {
    CommandPipeline.Command(bytes: ByteBuffer(string: text), deadline: Self.at(deadline)) { _ in }
  }

  /// Runs the loop's ticks from `start` to `end`.
  private mutating func tick(from start: Int64, to end: Int64) {
    for now in stride(from: start, through: end, by: 20) { _ = pipeline.tick(at: Self.at(now)) }
  }

  @Test mutating func `what is sent in one turn leaves in one write, in order, and once`() {
    for text in ["a", "b", "c"] { pipeline.send(command(text), at: Self.at(0)) }
    let written = [pipeline.takeOutgoing(.init()), pipeline.takeOutgoing(.init())]
    #expect(written.map { $0.map { String(buffer: $0) } } == ["abc", nil] && pipeline.count == 3)
  }

  @Test mutating func `replies answer commands in order; one that nobody asked for is told apart`() {
    for deadline in [1000, 2000] as [Int64] { pipeline.send(command(deadline: deadline), at: Self.at(0)) }
    let answered = [
      pipeline.answered(at: Self.at(1)), pipeline.answered(at: Self.at(1)), pipeline.answered(at: Self.at(1)),
    ]
    #expect(answered.map { $0?.deadline } == [Self.at(1000), Self.at(2000), nil] && !pipeline.owesReplies)
  }

  @Test mutating func `silence begins when a reply first becomes due, and ends with any reply`() {
    tick(from: 20, to: 5000)
    #expect(pipeline.silent(for: .seconds(1)) == nil, "nothing is due")
    pipeline.send(command(), at: Self.at(5000))
    pipeline.send(command(), at: Self.at(5500))
    tick(from: 5020, to: 5980)
    #expect(pipeline.silent(for: .seconds(1)) == nil)
    tick(from: 6000, to: 6000)
    #expect(pipeline.silent(for: .seconds(1)) == Self.at(5000))
    _ = pipeline.answered(at: Self.at(6001))
    #expect(pipeline.silent(for: .seconds(1)) == nil && pipeline.owesReplies)
  }

  @Test mutating func `time in which the loop stood still is no silence, and delays it by no more than that`() {
    tick(from: 20, to: 100)
    pipeline.send(command(), at: Self.at(100))
    // One turn of ten seconds: a command is sent in the middle of it, and no tick runs.
    pipeline.send(command(), at: Self.at(9000))
    #expect(pipeline.silent(for: .seconds(1)) == nil && pipeline.heard(at: Self.at(10_100)) == Self.at(10_100))
    tick(from: 10_100, to: 11_080)
    #expect(pipeline.silent(for: .seconds(1)) == nil)
    tick(from: 11_100, to: 11_100)
    #expect(pipeline.silent(for: .seconds(1)) == Self.at(10_100))
  }

  @Test mutating func `a command sent at the end of a standstill is silent no later than one sent after it`() {
    tick(from: 20, to: 100)
    pipeline.send(command(), at: Self.at(9000))
    tick(from: 10_100, to: 11_100)
    #expect(pipeline.silent(for: .seconds(1)) == Self.at(10_100))
  }

  @Test mutating func `a loop that is busy, and still comes round, forgives nothing`() {
    pipeline.send(command(), at: Self.at(0))
    for now in stride(from: Int64(200), through: 1000, by: 200) { _ = pipeline.tick(at: Self.at(now)) }
    #expect(pipeline.silent(for: .seconds(1)) == Self.at(0) && pipeline.heard(at: Self.at(1100)) == Self.at(0))
  }

  @Test mutating func `deadlines end what waits as unsent, and what was sent as unknown, whose place stays`() {
    pipeline.wait(command(deadline: 500))
    pipeline.send(command(deadline: 500), at: Self.at(0))
    pipeline.send(command(deadline: 900), at: Self.at(0))
    var ended = pipeline.tick(at: Self.at(499))
    #expect(ended.unsent.isEmpty && ended.unknown.isEmpty)
    ended = pipeline.tick(at: Self.at(500))
    #expect(ended.unsent.count == 1 && ended.unknown.count == 1 && pipeline.count == 2)
    ended = pipeline.tick(at: Self.at(520))
    #expect(ended.unsent.isEmpty && ended.unknown.isEmpty, "each is told once")
    // The late reply is dropped in its place, and the next command gets its own.
    let (late, neighbour) = (pipeline.answered(at: Self.at(530)), pipeline.answered(at: Self.at(530)))
    #expect(late != nil && late?.completion == nil && neighbour?.completion != nil)
  }

  private mutating func sendAwaiting(deadline: Int64 = 60_000) {
    var command = command(deadline: deadline)
    command.awaitsReplicas = true
    pipeline.send(command, at: Self.at(0))
  }

  @Test mutating func `a write that awaits replicas marks its flush, and no later one`() {
    pipeline.send(command(), at: Self.at(0))
    #expect(!pipeline.outgoingAwaitsReplicas)
    sendAwaiting()
    #expect(pipeline.outgoingAwaitsReplicas)
    _ = pipeline.takeOutgoing(.init())
    pipeline.send(command(), at: Self.at(0))
    #expect(!pipeline.outgoingAwaitsReplicas)
  }

  @Test mutating func `what is held is told once: when it is taken, past its deadline, or when the link is lost`() {
    for deadline in [500, 900, 60_000] as [Int64] { sendAwaiting(deadline: deadline) }
    while let command = pipeline.answered(at: Self.at(1)) { pipeline.hold(command, .integer(1)) }
    #expect(pipeline.count == 3 && !pipeline.owesReplies)
    #expect(pipeline.tick(at: Self.at(500)).unknown.count == 1 && pipeline.count == 2)
    #expect(pipeline.takeHeld().map(\.reply) == [.integer(1), .integer(1)] && pipeline.takeHeld().isEmpty)
    sendAwaiting()
    if let command = pipeline.answered(at: Self.at(501)) { pipeline.hold(command, .integer(2)) }
    #expect(pipeline.takeUnanswered().count == 1 && pipeline.takeHeld().isEmpty)
  }

  @Test mutating func `a command given up on is not held`() {
    sendAwaiting(deadline: 500)
    _ = pipeline.tick(at: Self.at(500))
    if let command = pipeline.answered(at: Self.at(501)) { pipeline.hold(command, .integer(1)) }
    #expect(pipeline.takeHeld().isEmpty)
  }

  @Test mutating func `a lost connection ends what was sent on it, written or not, and leaves what waits`() {
    pipeline.wait(command())
    pipeline.send(command(), at: Self.at(0))
    _ = pipeline.takeOutgoing(.init())
    pipeline.send(command(), at: Self.at(0))
    let (unanswered, written, waiting) = (
      pipeline.takeUnanswered(), pipeline.takeOutgoing(.init()), pipeline.takeWaiting()
    )
    #expect(unanswered.count == 2 && written == nil && waiting.count == 1 && pipeline.count == 0)
  }
}
