import Common
import TestSupport

/// One success that a key was told, once or several times.
struct Telling {
  let id: String
  /// The reservation in the answer.
  let state: StoreSnapshot.Reservation
  let body: [UInt8]
  /// When each answer came.
  var instants: [Int]
}

extension LedgerEntry {
  /// The different successes, in the order of their first answers.
  var tellings: [Telling] {
    attempts.reduce(into: []) { tellings, attempt in
      guard let answer = attempt.answer, answer.isSuccess, let state = StoreSnapshot.Reservation(told: answer) else {
        return
      }
      if let known = tellings.firstIndex(where: { $0.body == answer.body }) {
        tellings[known].instants.append(attempt.span.upperBound)
      } else {
        tellings.append(Telling(id: answer.id, state: state, body: answer.body, instants: [attempt.span.upperBound]))
      }
    }
  }

  /// The key of the reservation of this request.
  var reservation: String {
    switch purpose {
    case .reserve: key
    case .extend(let reservation), .confirm(let reservation), .cancel(let reservation): reservation
    }
  }

  var kind: String {
    switch purpose {
    case .reserve: "reserve"
    case .extend: "extend"
    case .confirm: "confirm"
    case .cancel: "cancel"
    }
  }
}

extension LedgerEntry.Attempt {
  /// Whether it may have taken effect without a reported success.
  var isUnknown: Bool { answer == nil || answer?.status == 504 }
  /// Whether it was refused for good, not with "try again".
  var isRefusal: Bool { answer.map { !$0.isSuccess && $0.isFinal } ?? false }
}

extension StoreSnapshot.Reservation {
  /// Nil if the answer is not about a reservation.
  init?(told answer: TestAnswer) {
    let instant = { (name: String) in answer.text(name).flatMap { RFC3339.epochMilliseconds(of: $0) }.map { Int($0) } }
    guard let status = answer.reservationStatus, let created = instant("createdAt"), let expires = instant("expiresAt")
    else { return nil }
    let lines = answer.objects("items").compactMap { line -> (String, Int)? in
      guard let sku = line["sku"] as? String, let quantity = line["quantity"] as? Int else { return nil }
      return (sku, quantity)
    }
    self.init(
      status: status, createdAt: created, expiresAt: expires, confirmedAt: instant("confirmedAt"),
      cancelledAt: instant("cancelledAt"), items: Dictionary(lines) { $0 + $1 }, reference: answer.text("reference"))
  }

  var isFinal: Bool { status != "ACTIVE" }
}
