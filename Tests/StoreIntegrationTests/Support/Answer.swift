import Common
import NIOCore

@testable import Node
@testable import Store

/// What a caller is told, without the free text of a problem.
struct Answer: Equatable, Sendable, CustomStringConvertible {
  var status: Int
  /// The document of a success, or the name and further members of a problem.
  var body: String
  var isReplay = false
  var retryAfter: Int?

  static func problem(_ kind: ProblemKind, _ members: String = "", retryAfter: Int? = nil) -> Answer {
    Answer(status: kind.status, body: kind.name + members, retryAfter: retryAfter)
  }

  var isSuccess: Bool { status < 300 }

  /// The ID in the document of a reservation.
  var reservationID: String {
    String(body.dropFirst("{\"reservationId\":\"".count).prefix(ReservationID.length))
  }

  /// The value of a string member of the document.
  func member(_ name: String) -> String? {
    body.firstRange(of: "\"\(name)\":\"").map { String(body[$0.upperBound...].prefix { $0 != "\"" }) }
  }

  /// The value of a number member of the document.
  func number(_ name: String) -> Int? {
    body.firstRange(of: "\"\(name)\":").flatMap { Int(body[$0.upperBound...].prefix { "0123456789-".contains($0) }) }
  }

  var description: String {
    "\(status)\(isReplay ? " replayed" : "")\(retryAfter.map { " after \($0) s" } ?? "") \(body)"
  }
}

extension Answer {
  init<Value>(_ result: Result<Value, Problem>, _ success: (Value) -> Answer) {
    switch result {
    case .success(let value): self = success(value)
    case .failure(let problem):
      self = .problem(problem.kind, String(buffer: problem.members), retryAfter: problem.retryAfter)
    }
  }

  init(_ result: Result<Told<Reservation>, Problem>, status: Int) {
    self.init(result) {
      Answer(status: status, body: String(buffer: $0.value.document), isReplay: $0.isReplay)
    }
  }

  init(_ result: Result<Told<StockService.Changed>, Problem>) {
    self.init(result) {
      Answer(
        status: $0.value.isNew ? 201 : 200, body: String(buffer: $0.value.inventory.document), isReplay: $0.isReplay)
    }
  }
}
