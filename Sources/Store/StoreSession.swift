import RedisClient
import Synchronization

/// All that goes to one shard of the store over one link: put together here, and nowhere else. Belongs to the event loop
/// of the link.
package final class StoreSession {
  let scripts: ScriptLibrary
  let caller: StoreCaller
  let writer: KeyedWriter
  package let reservations: ReservationRepository
  package let stock: StockRepository
  /// Only for a link that nothing else uses.
  package let audit: AuditRepository
  package let lease: LeaseRepository
  package let sweep: SweepRepository
  let parts: PartRepository
  let claims: ClaimRepository
  /// The store's identity and marks.
  package let identity: IdentityRepository

  /// - Parameters:
  ///   - fullness: whether new reserves and stock writes are refused; for those who write none, it does not matter.
  ///   - alarm: told of what is met on the way.
  package init(
    scripts: ScriptLibrary, link: any CommandSender, fullness: StoreFullness = StoreFullness(),
    alarm: StoreAlarm = StoreAlarm()
  ) {
    self.scripts = scripts
    caller = StoreCaller(link: link, keys: scripts.declaredKeys, alarm: alarm)
    writer = KeyedWriter(caller: caller, fullness: fullness)
    reservations = ReservationRepository(scripts: scripts, caller: caller, writer: writer)
    stock = StockRepository(scripts: scripts, caller: caller, writer: writer)
    audit = AuditRepository(scripts: scripts, caller: caller)
    lease = LeaseRepository(scripts: scripts, caller: caller)
    sweep = SweepRepository(scripts: scripts, caller: caller)
    parts = PartRepository(scripts: scripts, caller: caller)
    claims = ClaimRepository(scripts: scripts, caller: caller)
    identity = IdentityRepository(scripts: scripts, caller: caller)
  }
}

/// Who is told of what is met on the way to the store and back, on the event loop of the link.
package struct StoreAlarm {
  /// Called with what scripts find damaged.
  package var damaged: ([StoreDamage]) -> Void
  /// Called when Redis refuses something for a lack of rights.
  package var forbidden: () -> Void

  package init(damaged: @escaping ([StoreDamage]) -> Void = { _ in }, forbidden: @escaping () -> Void = {}) {
    (self.damaged, self.forbidden) = (damaged, forbidden)
  }
}

/// Whether the store is nearly full: nothing new is taken then, so that what is held can be finished.
///
/// One for all sessions of a process, whichever their threads.
package final class StoreFullness: Sendable {
  private let flag = Atomic(false)

  package init() {}

  package var isNearlyFull: Bool {
    get { flag.load(ordering: .relaxed) }
    set { flag.store(newValue, ordering: .relaxed) }
  }
}
