@testable import Store

/// All verdicts of scripts with an idempotency key, for tests of what holds for each verdict.
enum AnyVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case due = "DUE"
  case short = "SHORT"
  case unknownSKU = "UNKNOWN"
  case gone = "GONE"
  case expired = "EXPIRED"
  case limit = "LIMIT"
  case inUse = "INUSE"

  var isAcknowledgement: Bool { self == .ok || self == .prior }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior, .due: false
    case .short, .unknownSKU, .gone, .expired, .limit, .inUse: true
    }
  }
}
