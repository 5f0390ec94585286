import Common
import RedisClient

/// All scripts, put together from the `.lua` files that are embedded in the binary.
///
/// A script as Redis gets it: its own first line (`#!lua` and flags), `prelude.lua` and what else it shares with others,
/// the rest of it; constants are put in (``ScriptText``).
package struct ScriptLibrary: Sendable {
  /// What an operator may set.
  package struct Tuning: Sendable, Equatable {
    /// How long final reservations and idempotency records are kept.
    package var retentionSeconds: Int
    /// About how many entries the outbox keeps; 0 turns it off.
    package var eventsMaxLength: Int
    /// Stands before the name of every key.
    package var keyPrefix: String
    /// Whether calls that come together share one (``ScriptBatcher``).
    package var hasBatches: Bool

    package init(
      retentionSeconds: Int = 86_400, eventsMaxLength: Int = 100_000, keyPrefix: String = "", hasBatches: Bool = true
    ) {
      precondition(retentionSeconds > 0, "Redis refuses such a life of a key, after the writes before it")
      precondition(eventsMaxLength >= 0, "0 turns the outbox off")
      self.retentionSeconds = retentionSeconds
      self.eventsMaxLength = eventsMaxLength
      self.keyPrefix = keyPrefix
      self.hasBatches = hasBatches
    }
  }

  /// How the store is cut into shards.
  package let shards: ShardMap
  /// The shard that its calls go to.
  package private(set) var shard = Shard(number: 0)
  /// The names of the keys of that shard.
  package private(set) var keys: RedisKeys
  private let keyPrefix: String
  /// How the store is cut stands there (``StoreLayout``): outside all shards, so that it is found whatever they are.
  package var layoutKey: String { keyPrefix + "shards" }
  /// The identity of a store of one shard. Where that is, it must not be cut anew.
  package var undividedStoreKey: String { RedisKeys(prefix: keyPrefix).store }
  /// Whether changes are written to the outbox.
  package let hasEvents: Bool
  /// Whether calls that come together share one.
  package let hasBatches: Bool
  /// What stands in the texts for names.
  let constants: [ScriptConstant]

  var reserve: StoreScript<ReserveVerdict>
  /// The same at the home of a cart of several shards.
  var commit: StoreScript<ReserveVerdict>
  var confirm: StoreScript<ConfirmVerdict>
  var cancel: StoreScript<CancelVerdict>
  var extend: StoreScript<ExtendVerdict>
  var readReservation: StoreScript<ReadReservationVerdict>
  var readStock: StoreScript<ReadStockVerdict>
  var listStock: StoreScript<ListStockVerdict>
  var changeStock: StoreScript<ChangeStockVerdict>
  var deleteStock: StoreScript<DeleteStockVerdict>
  var release: StoreScript<ReleaseVerdict>
  var inspectStock: StoreScript<InspectStockVerdict>
  var auditStock: StoreScript<AuditStockVerdict>
  var findUnlisted: StoreScript<FindUnlistedVerdict>
  var holdPart: StoreScript<HoldPartVerdict>
  var settle: StoreScript<SettleVerdict>
  var standing: StoreScript<StandingVerdict>
  var acknowledge: StoreScript<AcknowledgeVerdict>
  var unsettled: StoreScript<UnsettledVerdict>
  var claim: StoreScript<ClaimVerdict>
  var voidClaim: StoreScript<VoidClaimVerdict>
  var acquireLease: StoreScript<AcquireLeaseVerdict>
  var renewLease: StoreScript<RenewLeaseVerdict>
  var releaseLease: StoreScript<ReleaseLeaseVerdict>
  var sweep: StoreScript<SweepVerdict>
  var trim: StoreScript<TrimVerdict>
  var overdue: StoreScript<OverdueVerdict>
  var probeStore: StoreScript<ProbeVerdict>

  package init(tuning: Tuning, shards: ShardMap = ShardMap()) {
    self.shards = shards
    keyPrefix = tuning.keyPrefix
    keys = RedisKeys(prefix: keyPrefix, tag: shards.tags.first)
    hasEvents = tuning.eventsMaxLength > 0
    hasBatches = tuning.hasBatches
    // One text serves all shards: 64 texts of each script would be a thousand scripts for Redis to keep.
    let constants =
      shards.count == 1
      ? ScriptConstant.all(tuning, keys) : ScriptConstant.all(tuning, RedisKeys(), areDeclared: true)
    self.constants = constants
    let prelude = PackageResources.prelude_lua
    let stock = prelude + PackageResources.stock_lua
    let taking = stock + PackageResources.judge_lua + PackageResources.take_lua
    // Declared first, so that the prelude's functions use what look_once.lua makes of it.
    let looking = Array("local gathered_answer\n".utf8) + stock + PackageResources.look_once_lua
    let takingLater = looking + PackageResources.judge_lua + PackageResources.take_later_lua
    let hold = stock + PackageResources.hold_lua
    let selling = hold + PackageResources.sell_lua
    let sellingLater = looking + PackageResources.hold_lua + PackageResources.sell_later_lua
    let parting = taking + PackageResources.hold_lua
    let releasing = hold + PackageResources.release_due_lua
    let sweeping = releasing + PackageResources.fence_lua
    let inspecting = releasing + PackageResources.inspect_lua
    func script<Verdict>(
      _ name: String, _ text: [UInt8], _ kind: StoreScriptKind, behind shared: [UInt8], ofCarts: Bool = false,
      inBatchesBehind gathering: [UInt8]? = nil
    ) -> StoreScript<Verdict> {
      func script(_ name: String, _ text: String, behind shared: [UInt8], isBatch: Bool) -> Script {
        let source = Self.source(
          of: text, behind: String(decoding: shared, as: UTF8.self),
          constants + [ScriptConstant("CART", ofCarts), ScriptConstant("BATCH", isBatch)])
        return Script(name: name, source: source, writes: kind != .reads)
      }
      let text = String(decoding: text, as: UTF8.self)
      return StoreScript(
        script: script(name, text, behind: shared, isBatch: false), kind: kind,
        batch: tuning.hasBatches
          ? gathering.map { script("\(name)_batch", Self.batch(of: text), behind: $0, isBatch: true) } : nil)
    }
    reserve = script(
      "reserve", PackageResources.reserve_lua, .adds, behind: taking, inBatchesBehind: takingLater)
    commit = script("commit", PackageResources.reserve_lua, .adds, behind: taking, ofCarts: true)
    confirm = script(
      "confirm", PackageResources.confirm_lua, .finishes, behind: selling, inBatchesBehind: sellingLater)
    cancel = script("cancel", PackageResources.cancel_lua, .finishes, behind: hold)
    extend = script("extend", PackageResources.extend_lua, .finishes, behind: hold)
    readReservation = script("read_reservation", PackageResources.read_reservation_lua, .reads, behind: prelude)
    readStock = script("read_stock", PackageResources.read_stock_lua, .reads, behind: stock)
    listStock = script("list_stock", PackageResources.list_stock_lua, .reads, behind: stock)
    changeStock = script("change_stock", PackageResources.change_stock_lua, .adds, behind: stock)
    deleteStock = script("delete_stock", PackageResources.delete_stock_lua, .finishes, behind: stock)
    auditStock = script("audit_stock", PackageResources.audit_stock_lua, .reads, behind: hold)
    findUnlisted = script("find_unlisted", PackageResources.find_unlisted_lua, .reads, behind: prelude)
    inspectStock = script("inspect_stock", PackageResources.inspect_stock_lua, .finishes, behind: inspecting)
    release = script("release", PackageResources.release_lua, .finishes, behind: releasing)
    holdPart = script("hold_part", PackageResources.hold_part_lua, .adds, behind: parting)
    settle = script("settle", PackageResources.settle_lua, .finishes, behind: parting)
    standing = script("standing", PackageResources.standing_lua, .finishes, behind: releasing)
    acknowledge = script("acknowledge", PackageResources.acknowledge_lua, .finishes, behind: hold)
    unsettled = script("unsettled", PackageResources.unsettled_lua, .reads, behind: hold)
    claim = script("claim", PackageResources.claim_lua, .adds, behind: prelude)
    voidClaim = script("void_claim", PackageResources.void_claim_lua, .finishes, behind: prelude)
    acquireLease = script("lease_acquire", PackageResources.lease_acquire_lua, .finishes, behind: prelude)
    renewLease = script("lease_renew", PackageResources.lease_renew_lua, .finishes, behind: prelude)
    releaseLease = script("lease_release", PackageResources.lease_release_lua, .finishes, behind: prelude)
    sweep = script("sweep", PackageResources.sweep_lua, .finishes, behind: sweeping)
    trim = script("trim", PackageResources.trim_lua, .finishes, behind: sweeping + PackageResources.inspect_lua)
    overdue = script("overdue", PackageResources.overdue_lua, .reads, behind: stock)
    probeStore = script("probe", PackageResources.probe_lua, .finishes, behind: prelude)
  }

  /// The same scripts, called on another shard.
  package func at(_ shard: Shard) -> ScriptLibrary {
    var library = self
    library.shard = shard
    library.keys = RedisKeys(prefix: keyPrefix, tag: shards.count == 1 ? nil : shards.tags[shard.number])
    return library
  }

  /// The keys that each call declares.
  ///
  /// With several shards it is one, and it is never there. So a Cluster runs the call on the shard's slot, and refuses it
  /// before it runs while that slot is on the move (docs/decisions, 16).
  var declaredKeys: [String] { shards.count == 1 ? [] : [keys.prefix] }

  /// The hash slot of all keys of a shard. Without shards there is no Cluster, and the slot does not matter.
  package func slot(of shard: Shard) -> Int { shards.count == 1 ? 0 : HashSlot.of(shards.tags[shard.number].utf8) }

  /// The hash slot of a key that is outside all shards.
  package func slot(ofKey key: String) -> Int { shards.count == 1 ? 0 : HashSlot.of(key.utf8) }

  /// A key that is never there, in a slot of a shard or of a key outside all shards. Deleting it is a write without effect,
  /// by which links are tried.
  package func vacantKey(in slot: Int) -> String {
    if let shard = shards.shards.first(where: { self.slot(of: $0) == slot }) { return at(shard).keys.vacant }
    let outside = [layoutKey, undividedStoreKey].first { self.slot(ofKey: $0) == slot }
    return outside.map { RedisKeys(prefix: keyPrefix, tag: $0).vacant } ?? keys.vacant
  }

  /// Those a shopper's request may need.
  package var forShoppers: [Script] {
    [
      reserve.script, confirm.script, cancel.script, extend.script, readReservation.script, readStock.script,
      release.script,
    ] + forBatches + (shards.count == 1 ? [] : forKeys + forParts + [commit.script, holdPart.script])
  }
  private var forBatches: [Script] { [reserve.batch, confirm.batch].compactMap(\.self) }
  private var forKeys: [Script] { [claim.script, voidClaim.script] }
  private var forParts: [Script] { [settle.script, standing.script, acknowledge.script, unsettled.script] }
  /// Those that an operator's request may need.
  package var forOperators: [Script] {
    [
      readStock.script, listStock.script, changeStock.script, deleteStock.script, auditStock.script,
      findUnlisted.script, inspectStock.script, release.script,
    ] + (shards.count == 1 ? [] : forKeys + forParts)
  }
  package var forElection: [Script] { [acquireLease.script, renewLease.script, releaseLease.script] }
  package var forSweeping: [Script] {
    [sweep.script, trim.script, overdue.script] + (shards.count == 1 ? [] : forParts)
  }
  /// What looks at the store. Never loaded beforehand: that link must come up on a Redis that takes no scripts, and say so.
  package var forWatching: [Script] { [probeStore.script] }

  /// The text of a script that runs several calls of another one: that is a function in it.
  static func batch(of text: String) -> String {
    let head = text.prefix { $0 != "\n" }
    return head + "\nlocal function member(ARGV)" + text.dropFirst(head.count) + "end\n"
      + String(decoding: PackageResources.batch_lua, as: UTF8.self)
  }

  /// The text of a script as Redis gets it.
  static func source(of text: String, behind shared: String, _ constants: [ScriptConstant]) -> String {
    let head = text.prefix { $0 != "\n" }
    return ScriptText(constants).replacingConstants(in: head + "\n" + shared + text.dropFirst(head.count))
  }
}
