import Foundation
import TestSupport
import Testing

/// Clients that pipeline, half-close or send slowly.
@Suite(.cluster(nodes: 1)) struct ConnectionTests {
  private let cluster = TestCluster.current!
  private var port: Int { cluster.nodes[0].port }

  @Test func `many pipelined requests are answered in their order, in however small pieces they come`() async throws {
    try await cluster.succeed(.setStock("pipe", total: 1_000_000))
    var bytes: [UInt8] = []
    var expected: [(status: Int, id: String)] = []
    for index in 0..<400 {
      let (request, status): (TestRequest, Int) =
        switch index % 4 {
        case 0: (.reserve("pipe", reference: "pipe-\(index)"), 201)
        case 1: (.live, 200)
        case 2: (TestRequest("GET", "/nowhere"), 404)
        default: (.inventory("pipe"), 200)
        }
      bytes += request.with("X-Request-ID", "pipe-\(index)").bytes
      expected.append((status, "pipe-\(index)"))
    }
    let whole = try await RawConnection(port: port)
    whole.send(bytes)
    let pieces = try await RawConnection(port: port)
    pieces.send(bytes, inPiecesOf: 97)
    for connection in [whole, pieces] {
      let answers = try await connection.answers(expected.count)
      #expect(answers.map(\.status) == expected.map(\.status))
      #expect(answers.map { $0.header("X-Request-ID") } == expected.map(\.id))
      for (answer, sent) in zip(answers, expected) where sent.status == 201 {
        #expect(answer.text("reference") == sent.id)
      }
    }
  }

  @Test func `a client that sends its requests, closes its side, and waits, gets all its answers`() async throws {
    try await cluster.succeed(.setStock("half", total: 1000))
    for count in [1, 2, 20] {
      let connection = try await RawConnection(port: port)
      for _ in 0..<count { connection.send(TestRequest.reserve("half").bytes) }
      connection.finishSending()
      let answers = try await connection.answers(count)
      #expect(answers.map(\.status) == Array(repeating: 201, count: count))
      try await connection.waitForEnd()
    }
  }

  @Test func `a client that closes its side in mid-request is closed, and nothing is done for it`() async throws {
    try await cluster.succeed(.setStock("cut", total: 1000))
    var padded = TestRequest.reserve("cut")
    // Without its last byte, the body is a whole JSON document, but the request is not whole.
    padded.body?.append(UInt8(ascii: " "))
    let request = padded.bytes
    for length in [1, 20, request.count - 1] {
      let connection = try await RawConnection(port: port)
      connection.send(Array(request.prefix(length)))
      connection.finishSending()
      try await connection.waitForEnd()
      #expect(connection.answers.allSatisfy { $0.status == 400 })
    }
    #expect(try await cluster.send(.inventory("cut")).counters == [1000, 0, 0])
  }

  @Test func `garbage after a good request: the good one is answered, then the connection is closed`() async throws {
    try await cluster.succeed(.setStock("after", total: 1000))
    let connection = try await RawConnection(port: port)
    connection.send(TestRequest.reserve("after").bytes + Array("no HTTP at all\r\n\r\n".utf8))
    #expect(try await connection.answer().status == 201)
    try await connection.waitForEnd()
  }

  @Test func `Connection: close of the client is obeyed`() async throws {
    let connection = try await RawConnection(port: port)
    connection.send(TestRequest.live.with("Connection", "close").bytes)
    let answer = try await connection.answer()
    #expect(answer.status == 200 && answer.closesConnection)
    try await connection.waitForEnd()
  }

  @Test func `a request that is incomplete after 10 s gets 408, wherever it got stuck`() async throws {
    let request = TestRequest.reserve("slow").bytes
    let whole = TestRequest.live.bytes
    let beginnings: [(name: String, bytes: [UInt8], before: Int)] = [
      ("one byte", [request[0]], 0), ("half a head", Array(request.prefix(20)), 0),
      ("no body", Array(request.prefix(request.count - 29)), 0), ("all but a byte", request.dropLast(), 0),
      ("half a head behind a whole request", whole + request.prefix(30), 1),
    ]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (name, bytes, before) in beginnings {
        group.addTask { [port] in
          let connection = try await RawConnection(port: port)
          let began = ContinuousClock.now
          connection.send(bytes)
          // The time runs from the first byte. Later bytes do not extend it.
          try await eventually("\(name): an answer", every: .milliseconds(900)) {
            if name == "half a head" { connection.send("x") }
            return connection.answers.count > before || connection.isEnded
          }
          let answers = connection.answers
          #expect(answers.count == before + 1 && answers.last?.problem == "request-timeout", "\(name): \(answers)")
          let most = .seconds(15) + ControlTimer.shared.allowance(since: began)
          #expect((.seconds(9.9)...most).contains(ContinuousClock.now - began), "\(name)")
          try await connection.waitForEnd()
        }
      }
      try await group.waitForAll()
    }
  }
}
