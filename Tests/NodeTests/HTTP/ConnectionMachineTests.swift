import Common
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Node

/// Tests the machine alone, without a channel: events in, actions out. `HTTPConnectionTests` tests what a client sees.
@Suite struct ConnectionMachineTests {
  private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  private static let read = HTTPRequestHead.make(.GET, "/inventory/a")
  private static let validator = RequestValidator(
    authenticator: Authenticator(adminTokens: .init(), clientTokens: .init()))

  private static func exchange(_ head: HTTPRequestHead = read, id: String = "r") -> ConnectionMachine.Exchange {
    ConnectionMachine.Exchange(head: validator.validate(head), requestID: id)
  }

  /// A machine with a request that waits for its answer.
  private static func answering() throws -> (ConnectionMachine, ConnectionMachine.Exchange) {
    var machine = ConnectionMachine(at: start)
    #expect(machine.begin(exchange(), at: start).isNothing)
    guard case .answer(let exchange) = machine.end() else { throw Unexpected() }
    return (machine, exchange)
  }

  private struct Unexpected: Error {}

  @Test func `a whole request is given out with its body`() throws {
    var machine = ConnectionMachine(at: Self.start)
    let head = HTTPRequestHead.make(.POST, "/checkout/confirm", [("Content-Type", "application/json")])
    #expect(machine.begin(Self.exchange(head), at: Self.start).isNothing)
    #expect(machine.take(ByteBuffer(string: "{\"a\""), at: Self.start).isNothing)
    #expect(machine.take(ByteBuffer(string: ":1}"), at: Self.start).isNothing)
    guard case .answer(let exchange) = machine.end() else { throw Unexpected() }
    #expect(String(buffer: exchange.body) == "{\"a\":1}" && exchange.began == Self.start)
  }

  @Test func `the next request waits until the answer is written`() throws {
    var (machine, exchange) = try Self.answering()
    #expect(!machine.receive(.head(Self.read)) && !machine.receive(.end(nil)) && machine.nextWaiting() == nil)
    #expect(machine.answered(exchange, isDraining: false, at: Self.start) == .andGoOn)
    machine.written(isWritable: false, at: Self.start)
    #expect(machine.nextWaiting() == nil, "the client does not read")
    machine.becameWritable(at: Self.start)
    #expect(machine.nextWaiting() == .head(Self.read) && machine.expectsHead)
  }

  /// An answer is the last one if the client or the node wants that, or after the end of the input.
  @Test func `the last answer closes`() throws {
    var (machine, exchange) = try Self.answering()
    #expect(machine.answered(exchange, isDraining: true, at: Self.start) == .andClose)
    (machine, exchange) = try Self.answering()
    #expect(machine.inputEnded(at: Self.start).isNothing, "an answer is owed")
    #expect(machine.answered(exchange, isDraining: false, at: Self.start) == .andClose)
    #expect(machine.answered(exchange, isDraining: false, at: Self.start) == .none, "nobody waits for a second one")
    (machine, exchange) = try Self.answering()
    exchange.head.keepsAlive = false
    #expect(machine.answered(exchange, isDraining: false, at: Self.start) == .andClose)
    (machine, exchange) = try Self.answering()
    machine.closed()
    #expect(machine.answered(exchange, isDraining: false, at: Self.start) == .none)
  }

  /// Each limit in each state that has one. Nothing happens a nanosecond before it, and the effect comes exactly at it.
  @Test func `limits are kept to the nanosecond`() throws {
    func expect(
      _ limit: TimeAmount, _ machine: ConnectionMachine, holdsHead: Bool = false,
      _ isExpected: (ConnectionMachine.Action) -> Bool,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      var machine = machine
      let early = machine.tick(at: Self.start + limit - .nanoseconds(1), decoderHoldsHead: holdsHead)
      #expect(early.isNothing, sourceLocation: sourceLocation)
      #expect(
        isExpected(machine.tick(at: Self.start + limit, decoderHoldsHead: holdsHead)), sourceLocation: sourceLocation)
    }
    let idle = ConnectionMachine(at: Self.start)
    expect(ConnectionMachine.idleLimit, idle, \.isClose)
    expect(ConnectionMachine.requestLimit, idle, holdsHead: true) { $0.refusal?.status == 408 }
    var begun = idle
    begun.readComplete(at: Self.start)
    expect(ConnectionMachine.requestLimit, begun) { $0.refusal?.status == 408 }
    var receiving = idle
    _ = receiving.begin(Self.exchange(), at: Self.start)
    expect(ConnectionMachine.requestLimit, receiving) { $0.refusal?.status == 408 }
    var lingering = idle
    #expect(lingering.turnAway(at: Self.start).refusal?.status == 503)
    expect(ConnectionMachine.lingerLimit, lingering, \.isClose)
    var (flushing, exchange) = try Self.answering()
    _ = flushing.answered(exchange, isDraining: false, at: Self.start)
    flushing.written(isWritable: false, at: Self.start)
    expect(ConnectionMachine.requestLimit, flushing, \.isClose)
    var closing = try Self.answering().0
    (closing, exchange) = try Self.answering()
    _ = closing.answered(exchange, isDraining: true, at: Self.start)
    expect(ConnectionMachine.requestLimit, closing, \.isClose)
    var answering = try Self.answering().0
    #expect(
      answering.tick(at: Self.start + .hours(1), decoderHoldsHead: false).isNothing,
      "its request has a bound of its own")
  }

  @Test func `a refused client may send a mebibyte more`() throws {
    var machine = ConnectionMachine(at: Self.start)
    _ = machine.turnAway(at: Self.start)
    let half = ByteBuffer(repeating: 0, count: ConnectionMachine.maxLingerBytes / 2)
    #expect(machine.take(half, at: Self.start).isNothing && machine.take(half, at: Self.start).isNothing)
    #expect(machine.take(ByteBuffer(string: "x"), at: Self.start).isClose)
  }

  @Test func `a node that stops closes only what has nothing in hand`() throws {
    var idle = ConnectionMachine(at: Self.start)
    #expect(idle.quiesce(at: Self.start).isCloseWhenWritten)
    var receiving = ConnectionMachine(at: Self.start)
    _ = receiving.begin(Self.exchange(), at: Self.start)
    #expect(receiving.quiesce(at: Self.start).isNothing && receiving.inputEnded(at: Self.start).isCloseWhenWritten)
    var begun = ConnectionMachine(at: Self.start)
    begun.readComplete(at: Self.start)
    #expect(begun.quiesce(at: Self.start).isNothing, "the beginning of a head has come")
    var (answering, exchange) = try Self.answering()
    #expect(answering.quiesce(at: Self.start).isNothing)
    #expect(answering.answered(exchange, isDraining: false, at: Self.start) == .andGoOn)
    answering.written(isWritable: true, at: Self.start)
    #expect(answering.drained(at: Self.start).isCloseWhenWritten)
  }

  /// For any events in any order, requests are passed on whole, one at a time and in order. None is passed on after the
  /// last answer, and the connection is closed at the end.
  @Test(arguments: UInt64(1)...200)
  func `whatever comes, the order holds`(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var client = Client()
    var machine = ConnectionMachine(at: Self.start)
    var now = Self.start
    var open: ConnectionMachine.Exchange?
    var given: [String] = []
    var hasEnded = false

    func act(_ action: ConnectionMachine.Action) {
      switch action {
      case .answer(let exchange):
        #expect(open == nil && !hasEnded, "one at a time, and none behind the last word")
        #expect(String(buffer: exchange.body) == exchange.requestID)
        open = exchange
        given.append(exchange.requestID)
      case .refuse, .close, .closeWhenWritten: hasEnded = true
      case .nothing, .askForBody: break
      }
    }
    func take(_ part: HTTPServerRequestPart) {
      switch part {
      case .head(let head):
        if machine.expectsHead { act(machine.begin(Self.exchange(head, id: head.headers["X-Request-ID"][0]), at: now)) }
      case .body(let bytes): act(machine.take(bytes, at: now))
      case .end: act(machine.end())
      }
    }
    func drain() {
      while let part = machine.nextWaiting() { take(part) }
      act(machine.drained(at: now))
    }
    func answer() {
      guard let exchange = open else { return }
      open = nil
      switch machine.answered(exchange, isDraining: false, at: now) {
      case .andGoOn: machine.written(isWritable: Bool.random(using: &random), at: now)
      case .andClose: hasEnded = true
      case .none: #expect(hasEnded)
      }
      drain()
    }

    for _ in 0..<200 {
      now = now + .milliseconds(.random(in: 0...20, using: &random))
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<12:
        let part = client.next()
        if machine.receive(part) { take(part) }
      case 12..<15: answer()
      case 15:
        machine.becameWritable(at: now)
        drain()
      case 16: machine.readComplete(at: now)
      case 17:
        machine.turnBegan()
        drain()
      case 18: act(machine.tick(at: now, decoderHoldsHead: false))
      case 19 where Int.random(in: 0..<40, using: &random) == 0:
        act(machine.receivedGarbage(.problem(.unsupportedVersion), at: now))
        act(machine.take(ByteBuffer(string: "more"), at: now))
      default: if Int.random(in: 0..<40, using: &random) == 0 { act(machine.quiesce(at: now)) }
      }
    }
    // At the end the client sends no more, and all open requests are answered.
    act(machine.inputEnded(at: now))
    for _ in 0..<500 where !hasEnded {
      machine.becameWritable(at: now)
      machine.turnBegan()
      drain()
      answer()
    }
    #expect(hasEnded && open == nil)
    #expect(given == (0..<given.count).map { "r\($0)" }, "in the order in which they came, none left out")
  }

  /// Sends requests part by part. The body of each is its name.
  private struct Client {
    private var sent = 0

    mutating func next() -> HTTPServerRequestPart {
      defer { sent += 1 }
      let name = "r\(sent / 3)"
      return switch sent % 3 {
      case 0:
        .head(
          .make(.POST, "/checkout/confirm", [("Content-Type", "application/json"), ("X-Request-ID", name)]))
      case 1: .body(ByteBuffer(string: name))
      default: .end(nil)
      }
    }
  }
}

extension ConnectionMachine.Action {
  fileprivate var isNothing: Bool { if case .nothing = self { true } else { false } }
  fileprivate var isClose: Bool { if case .close = self { true } else { false } }
  fileprivate var isCloseWhenWritten: Bool { if case .closeWhenWritten = self { true } else { false } }
  fileprivate var refusal: Response? { if case .refuse(_, let response) = self { response } else { nil } }
}
