/// A name that scripts use, and what stands for it in Lua.
struct ScriptConstant: Equatable {
  let name: String
  private(set) var literal: String

  init(_ name: String, _ text: String) {
    precondition(!text.contains { $0.isNewline || $0 == "'" }, "\(name) is one line of a script, in single quotes")
    self.name = name
    literal = "'" + text.replacing("\\", with: "\\\\") + "'"
  }

  init(_ name: String, _ number: Int) {
    self.name = name
    literal = "\(number)"
  }

  init(_ name: String, _ flag: Bool) {
    self.name = name
    literal = "\(flag)"
  }

  /// A name of keys. It begins with the key that the call declares, and so in its shard.
  init(_ name: String, declaredAnd text: String) {
    self.init(name, text)
    literal = "KEYS[1] .. " + literal
  }

  /// All of them. What they say of a layout comes from the type that owns it.
  ///
  /// - Parameter keys: for one shard, their whole names. For several, what stands behind the key that a call declares.
  static func all(_ tuning: ScriptLibrary.Tuning, _ keys: RedisKeys, areDeclared: Bool = false) -> [ScriptConstant] {
    let names = names(keys).map { areDeclared ? ScriptConstant($0, declaredAnd: $1) : ScriptConstant($0, $1) }
    return names + tuned(tuning) + limits + layouts + [.init("SHARDED", areDeclared)]
  }

  private static func names(_ keys: RedisKeys) -> [(String, String)] {
    [
      ("INVENTORY", keys.inventory), ("TOTAL", keys.total), ("SOLD", keys.sold),
      ("HOLDS", keys.holds), ("SALES", keys.sales), ("RESERVATION", keys.reservation),
      ("DUE", keys.due), ("SKUS", keys.skus), ("EVENTS", keys.events),
      ("LEASE", keys.lease), ("LEASE_EPOCH", keys.leaseEpoch), ("LEASE_RELEASES", keys.leaseReleases),
      ("STORE", keys.store), ("STORE_MARK", keys.storeMark),
      ("UNSETTLED", keys.unsettled), ("VOID", keys.void), ("FENCE", keys.fence),
    ]
  }

  /// Texts, since Redis formats a number slowly.
  private static func tuned(_ tuning: ScriptLibrary.Tuning) -> [ScriptConstant] {
    [
      .init("RETENTION", "\(tuning.retentionSeconds)"), .init("EVENTS_MAX", "\(tuning.eventsMaxLength)"),
      // A minute longer than the keys that replay it, whatever their order of expiry.
      .init("KEPT", "\(tuning.retentionSeconds + 60)"),
    ]
  }

  private static let limits: [ScriptConstant] = [
    .init("HOLD_LIMIT", Limits.maxHoldSeconds), .init("STOCK_LIMIT", Limits.maxStockTotal),
    .init("QUANTITY_LIMIT", Limits.maxQuantity), .init("SKU_LIMIT", Limits.maxSKUCharacters),
    // An epoch is about the time of its making: one that is years ahead was never given out.
    .init("EPOCH_AHEAD", Int(Limits.maxMillisecondsAhead)),
    .init("COUNTER_LIMIT", AuditCount.maxCounterCharacters),
    // A damaged index is looked at again after so many seconds.
    .init("LOOK_AGAIN", 60),
    // Seconds for which a part that is due is put off while its home is asked.
    .init("PART_RETRY", 1),
    // Seconds for which what will never come to be is remembered: far longer than any attempt is on its way.
    .init("VOID_KEPT", 60),
    // A batch judges no further request when so many item lines were judged: about a millisecond.
    .init("LINES_PER_CALL", 250),
    // So many damaged keys are told in one reply.
    .init("TOLD_LIMIT", StoreDamage.maxPerReply),
  ]

  /// Lua patterns match what we write, to the byte. Places are as Lua counts: from 1; what is called an end is included.
  private static let layouts: [ScriptConstant] = [
    // Redis's own commands take no other spelling of a number either.
    .init("COUNT", "^[1-9]%d*$"), .init("INSTANT_DIGITS", StoredInstant.digits),
    .init("SECONDS_END", StoredInstant.secondsEnd), .init("MILLIS_START", StoredInstant.millisecondsStart),
    .init("SKU_NAME", "^\(SKU.pattern)$"),

    .init("ACTIVE_HEAD", StoredReservation.head(.active)), .init("CREATED_AT", StoredReservation.creationMember),
    .init("CONFIRMED_HEAD", StoredReservation.head(.confirmed)),
    .init("CANCELLED_HEAD", StoredReservation.head(.cancelled)),
    .init("EXPIRED_HEAD", StoredReservation.head(.expired)),
    .init("AFTER_STATUS", StoredReservation.statusEnd + 1), .init("AFTER_DEADLINE", StoredReservation.deadlineEnd + 1),
    .init("ACTIVE_RECORD", StoredReservation.pattern(.active)),
    .init("CONFIRMED_RECORD", StoredReservation.pattern(.confirmed)),
    .init("CANCELLED_RECORD", StoredReservation.pattern(.cancelled)),
    .init("EXPIRED_RECORD", StoredReservation.pattern(.expired)),
    .init("RECORD_LINE", StoredReservation.linePattern), .init("LABEL_ESCAPE", Label.escapePattern),
    .init("CUSTOMER_LABEL", StoredReservation.customerPattern), .init("LAST_LABEL", StoredReservation.referencePattern),

    .init("ELSEWHERE", StoredReservation.elsewherePattern), .init("PART_END", StoredReservation.partPattern),

    .init("CLAIM", KeyClaim.Claim.mark), .init("VOID_CLAIMS", KeyClaim.voidMark),
    .init("CLAIM_REQUEST", KeyClaim.Claim.requestStart), .init("CLAIM_REQUEST_END", KeyClaim.Claim.requestEnd),
    .init("RECORD_CLAIM", IdempotencyRecord.claimPattern),

    .init("SALE_ID_END", SaleEntry.idEnd), .init("SALE_AT", SaleEntry.instantStart),

    .init("LEASE_RECORD", LeaseRecord.pattern), .init("TOKEN_END", LeaseRecord.tokenEnd),
    .init("EPOCH_START", LeaseRecord.epochStart), .init("EPOCH_END", LeaseRecord.epochEnd),
    .init("TERM_END", LeaseRecord.termEnd), .init("HOLDER_START", LeaseRecord.holderStart),

    .init("STORE_IDENTITY", StoreMark.identityPattern), .init("MARK_NAME_LIMIT", StoreMark.nameDigits),
  ]
}
