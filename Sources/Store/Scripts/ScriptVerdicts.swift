/// What one script can answer, and nothing else: whoever reads a reply must deal with each of them.
///
/// Two answers are none of these, since each script can give them: "too late" is known to ``ScriptRunner``, and
/// "damaged" to ``StoreCaller``. The head of each `.lua` file says what follows a verdict.
protocol StoreVerdict: RawRepresentable<String>, CaseIterable, Equatable, Sendable {}

/// The answers of a script by which somebody relies on what the store holds.
protocol ReliedUponVerdict: StoreVerdict {
  /// Whether it tells of something that was done, now or before; any other has changed nothing.
  var isAcknowledgement: Bool { get }
}

/// The answers of a script that looks for an idempotency key first.
protocol KeyedVerdict: ReliedUponVerdict {
  /// The key was used before; its record follows.
  static var prior: Self { get }
  /// Whether the caller is told "no": the effect was judged and refused.
  var isRefusal: Bool { get }
}

// MARK: - Reservations

enum ReserveVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case unknownSKU = "UNKNOWN"
  /// Holds of the SKUs that follow have expired and must be released before anything is judged.
  case due = "DUE"
  case short = "SHORT"
  /// Of several shards: it was made impossible, because nobody waited for it any longer.
  case void = "VOID"
  /// It was only asked: nothing is in its way here.
  case free = "FREE"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .unknownSKU, .due, .short, .void, .free: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior, .due: false
    case .unknownSKU, .short, .void, .free: true
    }
  }
}

enum ConfirmVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case gone = "GONE"
  case expired = "EXPIRED"
  case cancelled = "CANCELLED"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .gone, .expired, .cancelled: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior: false
    case .gone, .expired, .cancelled: true
    }
  }
}

enum CancelVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case gone = "GONE"
  case confirmed = "CONFIRMED"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .gone, .confirmed: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior: false
    case .gone, .confirmed: true
    }
  }
}

enum ExtendVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case gone = "GONE"
  case expired = "EXPIRED"
  case cancelled = "CANCELLED"
  case confirmed = "CONFIRMED"
  /// It has been held for as long as any hold may be.
  case holdLimit = "LIMIT"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .gone, .expired, .cancelled, .confirmed, .holdLimit: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior: false
    case .gone, .expired, .cancelled, .confirmed, .holdLimit: true
    }
  }
}

enum ReadReservationVerdict: String, StoreVerdict {
  case ok = "OK"
  case gone = "GONE"
}

// MARK: - Carts of several shards, and keys

enum HoldPartVerdict: String, ReliedUponVerdict {
  case ok = "OK"
  /// It has ended before.
  case void = "VOID"
  case unknownSKU = "UNKNOWN"
  case due = "DUE"
  case short = "SHORT"

  var isAcknowledgement: Bool {
    switch self {
    case .ok: true
    case .void, .unknownSKU, .due, .short: false
    }
  }
}

enum SettleVerdict: String, ReliedUponVerdict {
  case ok = "OK"
  /// It can't follow its home: what it held is gone, or it has ended otherwise.
  case conflict = "CONFLICT"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .conflict: true
    }
  }
}

enum StandingVerdict: String, ReliedUponVerdict {
  case ok = "OK"
  /// It never came to be, nor will.
  case void = "VOID"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .void: true
    }
  }
}

enum AcknowledgeVerdict: String, StoreVerdict {
  case ok = "OK"
  /// That is not how it ended.
  case moved = "MOVED"
}

enum UnsettledVerdict: String, StoreVerdict {
  case ok = "OK"
}

enum ClaimVerdict: String, ReliedUponVerdict {
  case ok = "OK"
  case prior = "PRIOR"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    }
  }
}

enum VoidClaimVerdict: String, ReliedUponVerdict {
  case ok = "OK"
  case answered = "ANSWERED"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .answered: true
    }
  }
}

// MARK: - Stock

enum ReadStockVerdict: String, StoreVerdict {
  case ok = "OK"
  case gone = "GONE"
  /// Holds of the SKU have expired and must be released before anything is told.
  case due = "DUE"
}

enum ListStockVerdict: String, StoreVerdict {
  case ok = "OK"
}

enum ChangeStockVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case gone = "GONE"
  case due = "DUE"
  case inUse = "INUSE"
  /// The SKU would have more pieces than one may have.
  case stockLimit = "LIMIT"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .gone, .due, .inUse, .stockLimit: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior, .due: false
    case .gone, .inUse, .stockLimit: true
    }
  }
}

enum DeleteStockVerdict: String, KeyedVerdict {
  case ok = "OK"
  case prior = "PRIOR"
  case gone = "GONE"
  case due = "DUE"
  case inUse = "INUSE"

  var isAcknowledgement: Bool {
    switch self {
    case .ok, .prior: true
    case .gone, .due, .inUse: false
    }
  }

  var isRefusal: Bool {
    switch self {
    case .ok, .prior, .due: false
    case .gone, .inUse: true
    }
  }
}

enum ReleaseVerdict: String, StoreVerdict {
  case ok = "OK"
}

enum InspectStockVerdict: String, StoreVerdict {
  case ok = "OK"
}

enum AuditStockVerdict: String, StoreVerdict {
  case ok = "OK"
  case gone = "GONE"
}

enum FindUnlistedVerdict: String, StoreVerdict {
  case ok = "OK"
}

// MARK: - Leader

enum AcquireLeaseVerdict: String, StoreVerdict {
  case ok = "OK"
  /// The lease is another's.
  case held = "HELD"
}

enum RenewLeaseVerdict: String, StoreVerdict {
  case ok = "OK"
  /// The lease is not the caller's any more.
  case lost = "LOST"
}

enum ReleaseLeaseVerdict: String, StoreVerdict {
  case ok = "OK"
  case lost = "LOST"
}

enum SweepVerdict: String, StoreVerdict {
  case ok = "OK"
  /// The sweeper's term is over.
  case fenced = "FENCED"
}

enum TrimVerdict: String, StoreVerdict {
  case ok = "OK"
  case fenced = "FENCED"
}

enum OverdueVerdict: String, StoreVerdict {
  case ok = "OK"
}

// MARK: - The store itself

enum ProbeVerdict: String, ReliedUponVerdict {
  case ok = "OK"

  var isAcknowledgement: Bool {
    switch self {
    case .ok: true
    }
  }
}
