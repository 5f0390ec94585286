import Common
import NIOCore
import TestSupport
import Testing

@testable import Node

@Suite struct HTTPTimeoutTests {
  private static let confirm = "POST /checkout/confirm HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

  /// The contract: a request that is incomplete after 10 s gets 408.
  @Test func `the limit is that of the contract`() { #expect(ConnectionMachine.requestLimit == .seconds(10)) }

  @Test(arguments: [
    "G", "GET /inventory/a HTTP/1.1\r\nHost", confirm, confirm + "Content-Length: 5\r\n\r\n",
    confirm + "Content-Length: 5\r\n\r\n1234",
  ])
  func `an incomplete request is given up after ten seconds`(beginning: String) throws {
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

  /// The time runs from the first byte, even if the request arrives slowly.
  @Test func `trickling does not stretch the time`() throws {
    let bench = try HTTPBench()
    try bench.send("G")
    let began = bench.now
    for letter in "ET /inventory/a HTTP/1.1\r\nHost: h\r\n" { try bench.send(String(letter)) }
    try bench.tick(at: began + ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [408])
  }

  /// The parser does not report the first part of a head, so the limit must not depend on such a report.
  @Test func `a head that began behind another request is given up too`() throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\nGET /inv")
    try bench.passNearly(ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [200] && bench.isOpen)
    try bench.pass(ConnectionMachine.requestLimit)
    #expect(try bench.answers().map(\.status) == [200, 408])
  }

  @Test func `the time that a client takes is not told as the node's`() throws {
    let log = LogRecorder()
    let bench = try HTTPBench(logger: log.logger)
    try bench.send(Self.confirm + "Content-Length: 5\r\n\r\n1234")
    try bench.pass(ConnectionMachine.requestLimit)
    let line = try #require(log.all.first { $0.hasPrefix("request ") })
    #expect(line.contains("request-timeout") && line.contains(#/"microseconds": 0\b/#), "\(line)")
  }

  @Test func `a request in work is not given up by its connection`() throws {
    let bench = try HTTPBench()
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.pass(.seconds(100))
    #expect(bench.received.isEmpty && bench.isOpen)
    try bench.answer()
    #expect(try bench.answers().map(\.status) == [200])
  }

  @Test func `a connection without a request is closed without a word`() throws {
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

  /// A client that does not read its last answer is disconnected, whatever made it the last one.
  @Test(arguments: [
    "GET /inventory/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /inventory/a HTTP/1.0\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "garbage\r\n\r\n",
    confirm + "Content-Length: 65537\r\n\r\n", "GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\ngarbage\r\n\r\n",
  ])
  func `a client that does not read its last answer is closed`(text: String) throws {
    let bench = try HTTPBench(answers: { _ in .json(200, ByteBuffer()) })
    bench.network.isStuck = true
    try bench.send(text)
    #expect(bench.isOpen && bench.traffic.answered > 0)
    try bench.pass(ConnectionMachine.requestLimit)
    #expect(!bench.isOpen && bench.received.isEmpty)
  }

  @Test func `a draining node does not keep such a client either`() throws {
    let bench = try HTTPBench()
    bench.shared.isDraining = true
    bench.network.isStuck = true
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.answer()
    let answered = bench.now
    // It has as long as any client that does not read. Its further input does not extend that time.
    try bench.passNearly(ConnectionMachine.requestLimit)
    try bench.send("GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n")
    try bench.closeInput()
    #expect(bench.isOpen && bench.waiting.isEmpty)
    try bench.tick(at: answered + ConnectionMachine.requestLimit)
    #expect(!bench.isOpen)
  }
}
