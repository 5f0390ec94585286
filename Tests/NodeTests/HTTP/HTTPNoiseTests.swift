import Testing

@testable import Node

/// Input that is not HTTP and takes more than one read.
@Suite struct HTTPNoiseTests {
  private static let read = "GET /inventory/a HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test func `requests before the noise are answered, however much noise follows`() throws {
    let bench = try HTTPBench()
    try bench.send(Self.read + Self.read + "noise")
    for _ in 0..<2 {
      try bench.send("more")
      #expect(bench.waiting.count == 1 && bench.isOpen)
      try bench.answer()
    }
    #expect(try bench.answers().map { $0["Connection"] } == [nil, "close"] && !bench.isOpen)
  }

  /// Closing a connection with unread bytes resets it, and the client would never see the answer.
  @Test func `what follows the refusal of noise is read and dropped, so far`() throws {
    let bench = try HTTPBench()
    try bench.send("noise\r\n\r\n")
    #expect(try bench.answers().map(\.status) == [400] && bench.network.hasClosedOutput)
    for _ in 0..<16 { try bench.send(String(repeating: "x", count: 65_536)) }
    #expect(bench.isOpen)
    try bench.send("x")
    #expect(!bench.isOpen && bench.traffic.answered == 1)
  }
}
