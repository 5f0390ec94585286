import RedisClient

/// All that goes to the store over one link: put together here, and nowhere else. Belongs to the event loop of the link.
package final class StoreSession {
  let caller: StoreCaller
  let writer: KeyedWriter
  package let reservations: ReservationRepository
  package let stock: StockRepository
  package let lease: LeaseRepository
  package let sweep: SweepRepository
  /// The store's identity and marks.
  package let identity: StoreRepository

  package init(scripts: ScriptLibrary, link: any CommandSender) {
    caller = StoreCaller(link: link)
    writer = KeyedWriter(caller: caller)
    reservations = ReservationRepository(scripts: scripts, caller: caller, writer: writer)
    stock = StockRepository(scripts: scripts, caller: caller, writer: writer)
    lease = LeaseRepository(scripts: scripts, caller: caller)
    sweep = SweepRepository(scripts: scripts, caller: caller)
    identity = StoreRepository(scripts: scripts, caller: caller)
  }

  /// Whether new reserves and stock writes are refused, so that what is held can be finished.
  package var storeIsNearlyFull: Bool {
    get { writer.storeIsNearlyFull }
    set { writer.storeIsNearlyFull = newValue }
  }

  /// From now on these are called with what is met on the way.
  ///
  /// - Parameters:
  ///   - sighted: called with what scripts find damaged.
  ///   - forbidden: called when Redis refuses something for a lack of rights.
  package func tell(sighted: @escaping ([StoreDamage]) -> Void, forbidden: @escaping () -> Void) {
    (caller.sighted, caller.forbidden) = (sighted, forbidden)
  }
}
