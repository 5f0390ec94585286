import Common
import NIOCore
import Store

/// Outcomes of the store as the problems that clients are told.
extension Problem {
  static let keyReused = Problem(
    .idempotencyKeyReused, "The key came with another request before. A new request needs a key of its own.")

  static let unknownReservation = Problem(
    .unknownReservation, "No reservation has this id; final ones are forgotten in time.")

  static func unknownSKUs(_ skus: [SKU]) -> Problem {
    Problem(.unknownSKU, "Not in the inventory: \(skus.map(\.text).joined(separator: ", ")).") { body in
      body.writeStaticString(",\"skus\":")
      body.writeJSONArray(skus) { $0.writeJSONString($1.text) }
    }
  }

  static func insufficientStock(_ shortages: [Shortage], now: Int64) -> Problem {
    let earliest = shortages.compactMap(\.nextReleaseAt).min()
    let detail =
      earliest == nil
      ? "Less is available than was asked for, and nothing is reserved that could come back."
      : "Less is available than was asked for; holds that lapse may bring some back."
    return Problem(
      .insufficientStock, detail, retryAfter: earliest.map { max(1, Int(($0 - now + 999) / 1000)) }
    ) { body in
      body.writeStaticString(",\"shortages\":")
      body.writeJSONArray(shortages) { body, shortage in
        body.writeStaticString("{\"sku\":\"")
        body.writeString(shortage.sku.text)
        body.writeStaticString("\",\"requested\":")
        body.writeDecimal(shortage.requested)
        body.writeStaticString(",\"available\":")
        body.writeDecimal(shortage.available)
        body.writeStaticString(",\"reserved\":")
        body.writeDecimal(shortage.reserved)
        if let instant = shortage.nextReleaseAt {
          body.writeStaticString(",\"nextReleaseAt\":")
          body.writeJSONInstant(instant)
        }
        body.writeStaticString("}")
      }
    }
  }

  static func stockInUse(reserved: Int, sold: Int) -> Problem {
    Problem(.stockInUse, "\(reserved) pieces are reserved and \(sold) sold.") { body in
      body.writeStaticString(",\"reserved\":")
      body.writeDecimal(reserved)
      body.writeStaticString(",\"sold\":")
      body.writeDecimal(sold)
    }
  }

  /// A step was asked of a reservation that has reached its final state.
  static func final(_ status: Reservation.Status) -> Problem {
    switch status {
    case .confirmed: Problem(.reservationConfirmed, "What it held is sold.")
    case .cancelled: Problem(.reservationCancelled, "What it held went back into stock.")
    case .expired, .active: Problem(.reservationExpired, "Its deadline has passed; what it held goes back into stock.")
    }
  }

  /// The store did not do its part.
  static func store(_ failure: StoreFailure, isWrite: Bool) -> Problem {
    var problem = told(failure, isWrite: isWrite)
    problem.cause = failure.cause
    return problem
  }

  private static func told(_ failure: StoreFailure, isWrite: Bool) -> Problem {
    switch failure {
    case .damaged(let damage):
      Problem(.stockDamaged, damage.detail) { body in
        guard let sku = damage.sku else { return }
        body.writeStaticString(",\"sku\":")
        body.writeJSONString(sku.text)
      }
    case .redis(.unknown(.scriptFailed)) where isWrite:
      Problem(
        .outcomeUnknown,
        "The store failed while it did this. Repeat the request with its idempotency key to learn the outcome.")
    case .redis(.unknown(.notReplicated)) where isWrite:
      Problem(
        .outcomeUnknown,
        "It was done, but too few replicas of the store have it, and so it may be lost. Repeat the request with its"
          + " idempotency key to learn the outcome.")
    case .redis(.notSent(.overloaded)):
      Problem(.overloaded, "Too many requests wait for the store. Nothing was done.", retryAfter: 1)
    case .redis(.notSent):
      Problem(.storeUnavailable, "The store can't be reached. Nothing was done.", retryAfter: 1)
    case .redis(.rejected(.other)):
      Problem(.internalError, "The store refused the command. Nothing was done.")
    case .contended:
      Problem(
        .storeUnavailable, "Other requests with this idempotency key are on their way. Nothing was done.", retryAfter: 1
      )
    case .redis(.rejected), .nearlyFull:
      Problem(.storeUnavailable, "The store takes no such commands at present. Nothing was done.", retryAfter: 1)
    case .redis(.unknown) where isWrite:
      Problem(
        .outcomeUnknown,
        "The store was asked and did not answer in time. Repeat the request with its idempotency key to learn the outcome."
      )
    case .redis(.unknown):
      Problem(.storeUnavailable, "The store did not answer in time.", retryAfter: 1)
    }
  }

  static let backlog = Problem(
    .overloaded, "More holds have expired than could be released in time. Nothing else was done.", retryAfter: 1)
}

extension StoreDamage {
  fileprivate var detail: String {
    let what = sku.map { "What is stored of \($0.text)" } ?? "A record in the store"
    return "\(what) is not what it must be. This attempt did nothing; an operator has to look after it."
  }
}

extension HoldReleaser.Outcome {
  /// Nil if the holds were released. Whether a failed release has happened does not matter to the caller: for the
  /// request itself nothing was done, and that is what it is told.
  var problem: Problem? {
    switch self {
    case .released: nil
    case .tooMany: .backlog
    case .failed(let failure): .store(failure, isWrite: false)
    }
  }
}
