import Foundation
import NIOCore
import Testing

@testable import Common

@Suite struct ProblemTests {
  @Test(arguments: ProblemKind.allCases)
  func `every kind makes a whole problem document`(kind: ProblemKind) throws {
    let members = try Problem(kind, "It \"happened\".\n").members()
    #expect(members.keys.sorted() == ["detail", "status", "title", "type"])
    #expect(members["type"] as? String == "urn:holdfast:problem:\(kind.name)")
    #expect(members["status"] as? Int == kind.status)
    #expect(members["detail"] as? String == "It \"happened\".\n")
    let title = try #require(members["title"] as? String)
    #expect(!title.isEmpty && !title.hasSuffix("."))
    #expect((400...599).contains(kind.status))
    #expect(kind.name.allSatisfy { ("a"..."z").contains($0) || $0 == "-" })
  }

  @Test func `no two kinds have one title`() {
    #expect(Set(ProblemKind.allCases.map(\.title)).count == ProblemKind.allCases.count)
  }

  /// Clients depend on the names and their statuses (the contract).
  @Test func `names and statuses are those of the contract`() {
    let contract: [String: Int] = [
      "invalid-request": 400, "unauthorized": 401, "admin-disabled": 403, "not-found": 404, "method-not-allowed": 405,
      "payload-too-large": 413, "headers-too-large": 431, "unsupported-media-type": 415, "internal-error": 500,
      "insufficient-stock": 409, "unknown-sku": 404, "unknown-reservation": 404, "reservation-expired": 410,
      "reservation-cancelled": 409, "reservation-confirmed": 409, "hold-limit-reached": 409, "stock-in-use": 409,
      "stock-limit-exceeded": 409, "idempotency-key-reused": 422, "overloaded": 503, "store-unavailable": 503,
      "outcome-unknown": 504, "request-timeout": 408, "too-many-requests": 429,
    ]
    for (name, status) in contract { #expect(ProblemKind(rawValue: name)?.status == status, "\(name)") }
  }

  @Test func `an invalid request tells every fault by its place`() throws {
    let problem = Problem.invalid([Fault("#/items/0/quantity", #"is "odd""#), Fault("header/Idempotency-Key", "no")])
    #expect(problem.kind == .invalidRequest)
    let members = try problem.members()
    #expect(
      members["errors"] as? [[String: String]] == [
        ["pointer": "#/items/0/quantity", "detail": #"is "odd""#],
        ["pointer": "header/Idempotency-Key", "detail": "no"],
      ])
    #expect((members["detail"] as? String)?.contains(#"#/items/0/quantity: is "odd""#) == true)
  }

  @Test func `further members stand beside the usual ones`() throws {
    let problem = Problem(.stockInUse, "x") { $0.writeStaticString(#","reserved":3"#) }
    #expect(try problem.members()["reserved"] as? Int == 3)
  }
}

extension Problem {
  fileprivate func members() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(document.readableBytesView)) as? [String: Any])
  }
}
