import Common
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Node

@Suite struct HTTPConnectionTests {
  private static let read = "GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n"
  private static let ok = Response.json(200, ByteBuffer(string: "{}"))

  @Test func `a request is answered, and the next one too`() throws {
    let bench = try HTTPBench()
    for count in 1...3 {
      try bench.send(Self.read)
      #expect(bench.waiting.count == 1 && bench.waiting.first?.request.parameter == "a")
      try bench.answer()
      #expect(try bench.answers().map(\.status) == Array(repeating: 200, count: count) && bench.isOpen)
    }
  }

  /// Each request gets its own answer, in order, for any pieces of input and any times of answers.
  @Test(arguments: UInt64(1)...40)
  func `pipelined requests are answered in order`(seed: UInt64) throws {
    var script = RandomRequests(seed: seed)
    let requests = script.several(1...12)
    let bench = try HTTPBench()
    var served: [Request] = []
    func answerOne() throws {
      guard let (request, _) = bench.waiting.first else { return }
      #expect(bench.waiting.count == 1, "one at a time")
      served.append(request)
      try bench.answer(.json(200, ByteBuffer(string: request.id)))
    }
    for piece in script.random.split(requests.flatMap(\.bytes), most: script.random.pick([1, 7, 100, 10_000])) {
      try bench.send(piece)
      if script.random.oneIn(3) { try answerOne() }
    }
    while !bench.waiting.isEmpty { try answerOne() }
    let answers = try bench.answers(to: requests.map(\.method))
    #expect(answers.map { $0["X-Request-ID"] } == requests.map(\.id))
    #expect(answers.map(\.status) == requests.map(\.status))
    let expected = requests.filter { $0.status == 200 }
    #expect(served.map(\.id) == expected.map(\.id) && served.map { String(buffer: $0.body) } == expected.map(\.body))
    #expect(bench.isOpen && bench.traffic.inFlight == 0)
  }

  @Test(arguments: ["http://other/inventory/a?x=1", "HTTPS://[::1]:8080/inventory/a?x=1"])
  func `a target may name scheme and authority`(target: String) throws {
    let bench = try HTTPBench()
    try bench.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
    let request = try #require(bench.waiting.first?.request)
    #expect(request.operation == .readStock && request.parameter == "a" && request.query == "x=1")
  }

  @Test func `reading is withheld while requests wait`() throws {
    let bench = try HTTPBench()
    func readsAsked() throws -> Int {
      let before = bench.network.reads
      bench.channel.read()
      return bench.network.reads - before
    }
    #expect(try readsAsked() == 1)
    try bench.send(Self.read)
    #expect(try readsAsked() == 1, "nothing waits yet")
    try bench.send(Self.read + Self.read)
    #expect(try readsAsked() == 0 && readsAsked() == 0)
    try bench.answer()
    #expect(try readsAsked() == 0, "one still waits")
    let before = bench.network.reads
    try bench.answer()
    // The withheld read is made up for once.
    #expect(bench.network.reads == before + 1)
    #expect(try readsAsked() == 1)
  }

  @Test func `a client that does not read is served no further`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read + Self.read)
    bench.channel.isWritable = false
    try bench.answer()
    #expect(bench.waiting.isEmpty)
    bench.channel.isWritable = true
    bench.channel.pipeline.fireChannelWritabilityChanged()
    #expect(bench.waiting.count == 1)
    bench.channel.isWritable = false
    try bench.answer()
    try bench.passNearly(ConnectionMachine.requestLimit)
    #expect(bench.isOpen)
    try bench.pass(ConnectionMachine.requestLimit)
    #expect(!bench.isOpen)
  }

  @Test func `an answer after the client has gone is dropped`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read)
    bench.channel.close(promise: nil)
    try bench.answer()
    #expect(bench.received.isEmpty && bench.traffic.inFlight == 0 && bench.traffic.answered == 1)
  }

  @Test func `a draining node closes after each answer`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read)
    bench.shared.isDraining = true
    try bench.answer()
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 200 && answer["Connection"] == "close" && !bench.isOpen)
  }

  @Test(arguments: [
    "HTTP/1.0\r\nHost: h\r\n", "HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n",
    "HTTP/1.1\r\nHost: h\r\nConnection: close\r\n",
  ])
  func `a client that wants it is closed after its answer`(head: String) throws {
    let bench = try HTTPBench(answers: { _ in Self.ok })
    try bench.send("GET /inventory/a \(head)\r\n")
    #expect(try bench.answers().map { $0["Connection"] } == ["close"] && !bench.isOpen)
  }

  /// The decoder treats the following bytes as another protocol. On an open connection the client would wait for ever.
  @Test(arguments: [
    "GET /inventory/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
    "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
  ])
  func `a client that asks for another protocol is answered and closed`(request: String) throws {
    let bench = try HTTPBench(answers: { _ in Self.ok })
    try bench.send(request)
    let answer = try #require(try bench.answers().first)
    #expect([200, 404].contains(answer.status) && answer["Connection"] == "close" && !bench.isOpen)
  }

  @Test func `a client may close its side and wait for all its answers`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read + Self.read + Self.read)
    try bench.closeInput()
    for _ in 0..<3 {
      #expect(bench.isOpen && bench.waiting.count == 1)
      try bench.answer()
    }
    #expect(try bench.answers().map { $0["Connection"] } == [nil, nil, "close"] && !bench.isOpen)
  }

  @Test func `a client that closes its side between requests is closed`() throws {
    let bench = try HTTPBench(answers: { _ in Self.ok })
    try bench.send(Self.read)
    try bench.closeInput()
    #expect(try bench.answers().count == 1 && !bench.isOpen)
  }

  @Test func `a client that breaks off is still answered what it asked for whole`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read + Self.read + "GET /inv")
    try bench.closeInput()
    try bench.answer()
    try bench.answer()
    #expect(try bench.answers().map(\.status) == [200, 200] && !bench.isOpen)
  }

  /// A connection that pipelines thousands of requests must not delay others. Each turn takes only some, in order.
  @Test func `a turn of the loop takes only so many requests of a connection`() throws {
    var served = 0
    let bench = try HTTPBench(answers: { _ in
      served += 1
      return Self.ok
    })
    let most = ConnectionMachine.maxRequestsPerTurn
    let requests = (0..<(10 * most)).map {
      "GET /inventory/a HTTP/1.1\r\nHost: h\r\nX-Request-ID: r\($0)\r\n\r\n"
    }
    try bench.channel.writeInbound(ByteBuffer(string: requests.joined()))
    #expect(served == most, "what came in one read, too")
    // Work of others in between.
    var seen: [Int] = []
    func look() {
      seen.append(served)
      if seen.count < 9 { bench.channel.embeddedEventLoop.execute(look) }
    }
    bench.channel.embeddedEventLoop.execute(look)
    try bench.receive()
    #expect(seen.count == 9 && zip(seen, seen.dropFirst()).allSatisfy { $1 - $0 <= most } && seen[0] <= 2 * most)
    #expect(served == 10 * most && bench.isOpen)
    let answers = try bench.answers(to: requests.map { _ in .GET })
    #expect(answers.map { $0["X-Request-ID"] } == requests.indices.map { "r\($0)" })
    // The same happens again after a new read.
    try bench.send(requests[..<most].joined())
    #expect(served == 11 * most)
  }

  @Test func `those that wait for their turn are answered before what follows ends the connection`() throws {
    for isNoise in [true, false] {
      let bench = try HTTPBench(answers: { _ in Self.ok })
      let count = 3 * ConnectionMachine.maxRequestsPerTurn
      let requests = String(repeating: Self.read, count: count)
      try bench.channel.writeInbound(ByteBuffer(string: requests + (isNoise ? "noise\r\n\r\n" : "")))
      if !isNoise { bench.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
      try bench.receive()
      let answers = try bench.answers(to: Array(repeating: .GET, count: count))
      #expect(answers.map(\.status) == Array(repeating: 200, count: count))
      #expect(!bench.isOpen)
    }
  }

  /// Only the refusals beyond the budget of their address are delayed.
  @Test func `refusals of wrong tokens are slowed down`() throws {
    let bench = try HTTPBench(answers: { _ in Self.ok })
    func ask(_ token: String?) throws {
      let field = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
      try bench.send("GET /inventory HTTP/1.1\r\nHost: h\r\n\(field)\r\n")
    }
    let budget = WrongTokenGuard.budget.tokens
    for _ in 0..<(2 * budget) { try ask(nil) }
    #expect(try bench.answers().count == 2 * budget, "no token is no wrong token")
    for _ in 0..<budget { try ask("wrong") }
    try ask("boss")
    #expect(try bench.answers().map(\.status) == Array(repeating: 401, count: 3 * budget) + [200])
    try ask("wrong")
    try ask("boss")
    #expect(try bench.answers().count == 3 * budget + 1)
    bench.channel.embeddedEventLoop.advanceTime(by: WrongTokenGuard.delay - .nanoseconds(1))
    try bench.receive()
    #expect(try bench.answers().count == 3 * budget + 1)
    bench.channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
    try bench.receive()
    #expect(try bench.answers().map(\.status).suffix(2) == [401, 200])
  }

  @Test func `only so many refusals are held back`() throws {
    let bench = try HTTPBench()
    let results = (0..<(WrongTokenGuard.maxDelayed + 10)).map { _ in bench.shared.wrongTokens.beginDelay() }
    #expect(results.count { $0 } == WrongTokenGuard.maxDelayed && results.suffix(10).allSatisfy { !$0 })
    bench.shared.wrongTokens.endDelay()
    let further = (0..<2).map { _ in bench.shared.wrongTokens.beginDelay() }
    #expect(further == [true, false])
  }

  /// Every refusal counts, also the immediate one for a client that waits for 100 Continue.
  @Test func `a wrong token counts, however it is refused`() throws {
    let budget = WrongTokenGuard.budget.tokens
    let bench = try HTTPBench()
    let held = (0...budget).map { _ in bench.shared.wrongTokens.note(client: "unknown") }
    #expect(held == Array(repeating: false, count: budget) + [true])
    let isOtherHeld = bench.shared.wrongTokens.note(client: "10.0.0.2")
    #expect(!isOtherHeld)
    let other = try HTTPBench()
    for _ in 0..<budget { _ = other.shared.wrongTokens.note(client: "unknown") }
    try other.send(
      "PUT /inventory/a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer wrong\r\nExpect: 100-continue\r\n"
        + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n")
    #expect(try other.answers(to: [.PUT]).map(\.status) == [401])
    let isNextHeld = other.shared.wrongTokens.note(client: "unknown")
    #expect(isNextHeld, "the one before was counted")
  }
}
