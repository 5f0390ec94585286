import Common
import NIOCore
import Testing

@testable import Node
@testable import Store

/// What each call accepts and answers, with given replies of Redis. An accepted request goes on to the store, which
/// can't be reached unless the test gives its reply.
@Suite struct ControllerTests {
  private static let id = "9tKc2VbQ0yXh4LrJmA7sEw"
  private static let record =
    #"{"v":1,"status":"CONFIRMED","confirmedAt":1795337101000,"expiresAt":1795337400123,"#
    + #""createdAt":1795337100123,"items":{"A":2}}"#

  @Test(
    arguments: [
      (Node.Operation.confirm, #"{"reservationId":"\#(id)"}"#, []), (.confirm, "{}", ["#/reservationId"]),
      (.cancel, #"{"reservationId":7}"#, ["#/reservationId"]), (.cancel, #"{"reservationId":"\#(id)"}"#, []),
      (.extend, #"{"reservationId":"\#(id)","ttlSeconds":3600}"#, []),
      (.extend, "{}", ["#/reservationId", "#/ttlSeconds"]),
      (.extend, #"{"reservationId":"\#(id)","ttlSeconds":0}"#, ["#/ttlSeconds"]),
      (.extend, #"{"reservationId":"\#(id)","ttlSeconds":3601}"#, ["#/ttlSeconds"]), (.confirm, "", ["#"]),
      (.reserve, #"{"sku":"A","quantity":1}"#, []), (.reserve, #"{"sku":"A","quantity":1.5}"#, ["#/quantity"]),
    ] as [(Node.Operation, String, [String])])
  func `a shopper's body is taken, or told what is wrong`(
    operation: Node.Operation, body: String, pointers: [String]
  ) throws {
    let response = try #require(ControllerBench().call(operation, body: body))
    #expect(response.status == (pointers.isEmpty ? 503 : 400))
    #expect(try response.pointers() == pointers)
  }

  @Test(
    arguments: [
      (Node.Operation.setStock, #"{"total":0}"#, []), (.setStock, #"{"total":1000000000}"#, []),
      (.setStock, #"{"total":-1}"#, ["#/total"]),
      (.setStock, #"{"total":1000000001}"#, ["#/total"]), (.setStock, #"{"total":5e0}"#, ["#/total"]),
      (.setStock, "{}", ["#/total"]),
      (.adjustStock, #"{"delta":-1000000000}"#, []), (.adjustStock, #"{"delta":1,"reason":"é"}"#, []),
      (.adjustStock, #"{"delta":0}"#, ["#/delta"]),
      (.adjustStock, #"{"delta":1000000001}"#, ["#/delta"]),
      (.adjustStock, #"{"delta":1,"reason":""}"#, ["#/reason"]),
      (.adjustStock, #"{"delta":1,"reason":5}"#, ["#/reason"]), (.adjustStock, #"{"reason":"x"}"#, ["#/delta"]),
    ] as [(Node.Operation, String, [String])])
  func `an operator's body is taken, or told what is wrong`(
    operation: Node.Operation, body: String, pointers: [String]
  ) throws {
    let response = try #require(ControllerBench().call(operation, "moka", body: body))
    #expect(response.status == (pointers.isEmpty ? 503 : 400))
    #expect(try response.pointers() == pointers)
  }

  @Test(arguments: [Node.Operation.readStock, .setStock, .adjustStock, .deleteStock])
  func `a malformed SKU in the path is a 400`(operation: Node.Operation) throws {
    let bench = ControllerBench()
    for name in ["", "-a", "a b", "%", "é", String(repeating: "x", count: 65)] {
      let response = try #require(bench.call(operation, name, body: #"{"total":1,"delta":1}"#))
      #expect(try response.status == 400 && response.pointers() == ["path/sku"])
    }
    #expect(bench.link.sent.isEmpty)
  }

  @Test func `a malformed reservation id is an unknown one, and Redis is not asked`() throws {
    let bench = ControllerBench()
    for id in ["", "x", "a b", String(repeating: "é", count: 11), Self.id + "x"] {
      let body = #"{"reservationId":"\#(id)","ttlSeconds":5}"#
      let responses = [
        bench.call(.confirm, body: body), bench.call(.cancel, body: body), bench.call(.extend, body: body),
        bench.call(.readReservation, id),
      ]
      #expect(responses.map { $0?.outcome } == Array(repeating: .problem(.unknownReservation), count: 4))
    }
    #expect(bench.link.sent.isEmpty)
  }

  /// The key may belong to another request, and that fault has priority.
  @Test func `under a key Redis is asked for a malformed reservation id, too`() throws {
    let other = "PRIOR 5 " + IdempotencyRecord.head(Fingerprint(of: "other")) + Self.record
    for operation in [Node.Operation.confirm, .cancel, .extend] {
      let body = #"{"reservationId":"x","ttlSeconds":5}"#
      #expect(ControllerBench(saying: other).call(operation, body: body, key: "k")?.status == 422)
      #expect(ControllerBench(saying: "GONE 5").call(operation, body: body, key: "k")?.status == 404)
    }
  }

  @Test(arguments: [
    ("", []), ("limit=1", []), ("limit=1000&cursor=moka", []), ("limit=0", ["query/limit"]),
    ("limit=1001", ["query/limit"]),
    ("limit=", ["query/limit"]), ("limit=-1", ["query/limit"]), ("limit=1.0", ["query/limit"]),
    ("limit=ten", ["query/limit"]),
    ("cursor=", []), ("cursor=-x", ["query/cursor"]),
    ("limit=x&cursor=a%20b", ["query/limit", "query/cursor"]),
    ("other=1", []),
  ])
  func `a list takes a limit and a cursor`(query: String, pointers: [String]) throws {
    let response = try #require(ControllerBench().call(.listStock, query: query))
    #expect(response.status == (pointers.isEmpty ? 503 : 400))
    #expect(try response.pointers() == pointers)
  }

  @Test func `a cursor of the audit is judged too`() throws {
    let response = try #require(ControllerBench().call(.audit, query: "cursor=-"))
    #expect(try response.status == 400 && response.pointers() == ["query/cursor"])
  }

  @Test func `a reserve is created at its location`() throws {
    let bench = ControllerBench(saying: "OK 1795337100123 1795337400123")
    let response = try #require(bench.call(.reserve, body: #"{"sku":"A","quantity":2}"#))
    let json = try response.body.json()
    let id = try #require(json["reservationId"] as? String)
    #expect(
      response.status == 201 && json["status"] as? String == "ACTIVE"
        && json["expiresAt"] as? String == "2026-11-22T08:50:00.123Z")
    #expect(response.headers.map { "\($0.name): \($0.value)" } == ["Location: /reservations/\(id)"])
    // The script gets the default if the request names no value.
    #expect(bench.link[0].arguments[5] == "300")
  }

  @Test func `a replayed reserve says so, and is otherwise the same`() throws {
    let body = #"{"sku":"A","quantity":2}"#
    let canonical = try readBody(ByteBuffer(string: body)) { ReservationController.reserveRequest(&$0, .init()) }.get()
      .canonical
    let record = IdempotencyRecord.head(Fingerprint(of: canonical)) + "\(Self.id) 1795337100123 1795337400123"
    let response = try #require(
      ControllerBench(saying: "PRIOR 1795337999999 \(record)").call(.reserve, body: body, key: "k"))
    #expect(response.status == 201 && response.outcome == .replayed)
    #expect(
      response.headers.map { "\($0.name): \($0.value)" }.sorted() == [
        "Idempotent-Replayed: true", "Location: /reservations/\(Self.id)",
      ])
  }

  @Test(
    arguments: [
      ("OK 5 \(record)", [.confirm, .cancel, .extend], 200, nil),
      ("GONE 5", [.confirm, .cancel, .extend], 404, .unknownReservation),
      ("EXPIRED 5", [.confirm, .extend], 410, .reservationExpired),
      ("CANCELLED 5", [.confirm, .extend], 409, .reservationCancelled),
      ("CONFIRMED 5", [.cancel, .extend], 409, .reservationConfirmed),
      ("LIMIT 5", [.extend], 409, .holdLimitReached),
    ] as [(String, [Node.Operation], Int, ProblemKind?)])
  func `a step is answered by what became of it`(
    line: String, steps: [Node.Operation], status: Int, kind: ProblemKind?
  ) throws {
    for operation in [Node.Operation.confirm, .cancel, .extend] {
      let body = #"{"reservationId":"\#(Self.id)","ttlSeconds":5}"#
      let response = try #require(ControllerBench(saying: line).call(operation, body: body))
      if steps.contains(operation) {
        #expect(response.status == status && response.outcome == (kind.map { .problem($0) } ?? .ok))
      } else {
        // This is no answer of this script, so its effect is unknown.
        #expect(response.outcome == .problem(.outcomeUnknown))
      }
    }
  }

  @Test func `stock is set, adjusted and deleted`() throws {
    let created = try #require(
      ControllerBench(saying: "OK 5 created 7 7 0 -").call(.setStock, "moka", body: #"{"total":7}"#))
    #expect(created.status == 201)
    #expect(String(buffer: created.body) == #"{"sku":"moka","total":7,"available":7,"reserved":0,"sold":0}"#)
    let changed = ControllerBench(saying: "OK 5 changed 7 7 0 -")
    #expect(changed.call(.setStock, "moka", body: #"{"total":7}"#)?.status == 200)
    #expect(changed.call(.adjustStock, "moka", body: #"{"delta":7}"#)?.status == 200)
    let deleted = try #require(ControllerBench(saying: "OK 5").call(.deleteStock, "moka"))
    #expect(deleted.status == 204 && deleted.body.readableBytes == 0)
    let limit = try #require(
      ControllerBench(saying: "LIMIT 5 999").call(.adjustStock, "moka", body: #"{"delta":7}"#))
    #expect(try limit.outcome == .problem(.stockLimitExceeded) && limit.body.json()["total"] as? Int == 999)
  }

  @Test func `a page of the list tells where to go on`() throws {
    let bench = ControllerBench(saying: "OK 5 a 1 1 0 - b 2 2 0 -")
    let page = try #require(bench.call(.listStock, query: "limit=1")).body.json()
    #expect(
      (page["items"] as? [[String: Any]])?.map { $0["sku"] as? String } == ["a"] && page["nextCursor"] as? String == "a"
    )
    let last = try #require(bench.call(.listStock, query: "limit=2")).body.json()
    #expect((last["items"] as? [Any])?.count == 2 && last["nextCursor"] == nil)
  }
}
