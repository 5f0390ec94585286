import Common
import NIOCore
import Testing

@testable import Node

@Suite struct HTTPTimeoutTests {
  private static let confirm = "POST /checkout/confirm HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

  /// The contract: a request that is incomplete after 10 s gets 408.
  @Test func theLimitIsThatOfTheContract() { #expect(ConnectionMachine.requestLimit == .seconds(10)) }

  @Test(arguments: [
    "G", "GET /inventory/a HTTP/1.1\r\nHost", confirm, confirm + "Content-Length: 5\r\n\r\n",
    confirm + "Content-Length: 5\r\n\r\n1234",
  ])
  func anIncompleteRequestIsGivenUpAfterTenSeconds(beginning: String) throws {
    let bench = try HTTPBench()
    try bench.send(beginning)
    try bench.passNearly(ConnectionMachine.requestLimit)
    #expect(bench.received.isEmpty && bench.isOpen)
    try bench.pass(ConnectionMachine.requestLimit)
    let answer = try #require(try bench.answers().first)
    #expect(answer.status == 408 && answer["Connection"] == "close" && bench.network.hasClosedOutput)
    try bench.pass(ConnectionMachine.lingerLimit)
    #expect(!bench.isOpen)
  }

  /// However it trickles in: the time runs from its first byte.
  @Test func tricklingDoesNotStretchTheTime() throws {
    let bench = try HTTPBench()
    try bench.send("G")
    let began = bench.now
    for letter in "ET /inventory/a HTTP/1.1\r\nHost: h\r\n" { try bench.send(String(letter)) }
    try bench.tick(at: began + ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [408])
  }

  /// A parser that holds the beginning of a head has told nobody of it yet.
  @Test func aHeadThatBeganBehindAnotherRequestIsGivenUpToo() throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\nGET /inv")
    try bench.passNearly(ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [200] && bench.isOpen)
    try bench.pass(ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [200, 408])
  }

  @Test func aRequestInWorkIsNotGivenUpByItsConnection() throws {
    let bench = try HTTPBench()
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.pass(.seconds(100))
    #expect(bench.received.isEmpty && bench.isOpen)
    try bench.answer()
    #expect(try bench.answers().map(\.status) == [200])
  }

  @Test func aConnectionWithoutARequestIsClosedWithoutAWord() throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try bench.passNearly(ConnectionMachine.idleLimit)
    #expect(bench.isOpen)
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    let received = bench.received
    try bench.passNearly(ConnectionMachine.idleLimit)
    #expect(bench.isOpen)
    try bench.pass(ConnectionMachine.idleLimit)
    #expect(!bench.isOpen && bench.received == received)
  }

  /// However the last answer came about: a client that does not read it is not kept.
  @Test(arguments: [
    "GET /inventory/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /inventory/a HTTP/1.0\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "garbage\r\n\r\n",
    confirm + "Content-Length: 65537\r\n\r\n", "GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\ngarbage\r\n\r\n",
  ])
  func aClientThatDoesNotReadItsLastAnswerIsClosed(text: String) throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    bench.network.isStuck = true
    try bench.send(text)
    #expect(bench.isOpen && bench.dispatcher.traffic.answered > 0)
    try bench.pass(ConnectionMachine.requestLimit)
    #expect(!bench.isOpen && bench.received.isEmpty)
  }

  @Test func aDrainingNodeDoesNotKeepSuchAClientEither() throws {
    let bench = try HTTPBench()
    bench.dispatcher.isDraining = true
    bench.network.isStuck = true
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.answer()
    let answered = bench.now
    // It has as long as any client that does not read, and what it still does gives it no more.
    try bench.passNearly(ConnectionMachine.requestLimit)
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.closeInput()
    #expect(bench.isOpen && bench.waiting.isEmpty)
    try bench.tick(at: answered + ConnectionMachine.requestLimit)
    #expect(!bench.isOpen)
  }
}
