/// All scripts, put together from the `.lua` files that are embedded in the binary.
///
/// A script as Redis gets it: its own first line (`#!lua` and flags), the constants below, `prelude.lua` (and what
/// it shares with others), the rest of it.
/// Constants are part of the text rather than arguments, because each argument costs every call.
struct ScriptLibrary: Sendable {
  /// What an operator may set.
  struct Tuning: Sendable, Equatable {
    /// How long final reservations and idempotency records are kept.
    var retentionSeconds = 86_400
    /// About how many entries the outbox keeps; 0 turns it off.
    var eventsMaxLength = 100_000
  }

  var reserve, confirm, cancel, extend, readReservation: Script
  var readStock, listStock, changeStock, deleteStock, auditStock, release: Script
  var acquireLease, renewLease, releaseLease, sweep, trim, overdue: Script

  init(tuning: Tuning) {
    let constants = Self.constants(tuning)
    let prelude = PackageResources.prelude_lua
    let releasing = prelude + PackageResources.release_due_lua
    func script(_ name: String, _ text: [UInt8], _ kind: Script.Kind, behind shared: [UInt8]? = nil) -> Script {
      let text = String(decoding: text, as: UTF8.self)
      let head = text.prefix { $0 != "\n" }
      let shared = String(decoding: shared ?? prelude, as: UTF8.self)
      return Script(name: name, source: head + "\n" + constants + shared + text.dropFirst(head.count), kind: kind)
    }
    reserve = script("reserve", PackageResources.reserve_lua, .adds)
    confirm = script("confirm", PackageResources.confirm_lua, .finishes)
    cancel = script("cancel", PackageResources.cancel_lua, .finishes)
    extend = script("extend", PackageResources.extend_lua, .finishes)
    readReservation = script("read_reservation", PackageResources.read_reservation_lua, .reads)
    readStock = script("read_stock", PackageResources.read_stock_lua, .reads)
    listStock = script("list_stock", PackageResources.list_stock_lua, .reads)
    changeStock = script("change_stock", PackageResources.change_stock_lua, .adds)
    deleteStock = script("delete_stock", PackageResources.delete_stock_lua, .finishes)
    auditStock = script("audit_stock", PackageResources.audit_stock_lua, .reads)
    release = script("release", PackageResources.release_lua, .finishes, behind: releasing)
    acquireLease = script("lease_acquire", PackageResources.lease_acquire_lua, .finishes)
    renewLease = script("lease_renew", PackageResources.lease_renew_lua, .finishes)
    releaseLease = script("lease_release", PackageResources.lease_release_lua, .finishes)
    sweep = script("sweep", PackageResources.sweep_lua, .finishes, behind: releasing)
    trim = script("trim", PackageResources.trim_lua, .finishes)
    overdue = script("overdue", PackageResources.overdue_lua, .reads)
  }

  /// Those a shopper's request may need.
  var forShoppers: [Script] { [reserve, confirm, cancel, extend, readReservation, readStock, release] }
  /// Those that an operator's request may need.
  var forOperators: [Script] { [readStock, listStock, changeStock, deleteStock, auditStock, release] }
  var forElection: [Script] { [acquireLease, renewLease, releaseLease] }
  var forSweeping: [Script] { [sweep, trim, overdue] }

  private static func constants(_ tuning: Tuning) -> String {
    let names = [
      ("INVENTORY", RedisKeys.inventory), ("TOTAL", RedisKeys.total), ("SOLD", RedisKeys.sold),
      ("HOLDS", RedisKeys.holds), ("SALES", RedisKeys.sales), ("RESERVATION", RedisKeys.reservation),
      ("DUE", RedisKeys.due), ("SKUS", RedisKeys.skus), ("EVENTS", RedisKeys.events),
      ("LEASE", RedisKeys.lease), ("LEASE_EPOCH", RedisKeys.leaseEpoch), ("LEASE_RELEASES", RedisKeys.leaseReleases),
      ("RETENTION", "\(tuning.retentionSeconds)"), ("EVENTS_MAX", "\(tuning.eventsMaxLength)"),
      // A minute longer than the keys that replay it, whatever their order of expiry.
      ("KEPT", "\(tuning.retentionSeconds + 60)"),
    ].map { "local \($0) = '\($1)'" }
    let numbers = [
      ("HOLD_LIMIT", Limits.holdSeconds), ("STOCK_LIMIT", Limits.stockTotal),
      ("ITEMS_AT", StoredReservation.itemsOffset + 1), ("COMMA", Int(UInt8(ascii: ","))),
    ].map { "local \($0) = \($1)" }
    return (names + numbers).joined(separator: " ") + "\n"
  }
}
