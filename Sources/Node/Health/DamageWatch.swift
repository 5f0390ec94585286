import Logging
import Metrics
import NIOCore
import Store

/// Keeps account of what anybody finds damaged in the store. It logs each key once, looks again whether it has been
/// repaired, and tells how much there is.
///
/// Belongs to its event loop.
final class DamageWatch {
  static let help = [
    "holdfast_store_damage_seen_total": "Keys that were found damaged; again only once repaired or forgotten."
  ]

  private static let interval = TimeAmount.seconds(2)
  private static let limit = TimeAmount.milliseconds(500)
  /// SKUs that are looked at again in one round.
  private static let maxSKUsPerRound = 10
  /// More are only counted, and the log says so once.
  private static let maxKeys = 1000
  private static let maxWords = 5
  /// Damage without a known SKU can't be looked at again. It counts until nobody has met it for so long.
  private static let forgottenAfter = TimeAmount.seconds(30)

  private struct Sighting {
    var lastSeen: NIODeadline
    var lastLook: NIODeadline
  }

  private let eventLoop: any EventLoop
  private let stock: ShardedStock
  private let logger: Logger
  private let seen = Counter(label: "holdfast_store_damage_seen_total")
  private let changed: (DamageReport) -> Void
  private var known: [StoreDamage: Sighting] = [:]
  private var isFull = false
  private var timer: Scheduled<Void>?

  /// - Parameter changed: told of each change, on the event loop.
  init(
    eventLoop: any EventLoop, stock: ShardedStock, logger: Logger, changed: @escaping (DamageReport) -> Void
  ) {
    self.eventLoop = eventLoop
    self.stock = stock
    self.logger = logger
    self.changed = changed
  }

  func start() {
    precondition(timer == nil, "a second start would double the rounds")
    scheduleRound()
  }

  /// Looks again at nothing more.
  func stop() { timer?.cancel() }

  private func scheduleRound() {
    timer = eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in
      round()
      scheduleRound()
    }
  }

  func sighted(_ damages: [StoreDamage]) {
    let now = eventLoop.now
    var isNew = false
    for damage in damages {
      guard known[damage] == nil else {
        known[damage]?.lastSeen = now
        continue
      }
      seen.increment()
      guard known.count < Self.maxKeys else {
        if !isFull { logger.error("more is damaged in the store than is kept account of") }
        isFull = true
        continue
      }
      known[damage] = Sighting(lastSeen: now, lastLook: now)
      assert(known.count <= Self.maxKeys)
      isNew = true
      logger.error(
        "damaged in the store, and left as it is",
        metadata: metadata(of: damage).merging(
          ["script": "\(damage.script ?? "-")"]) { $1 })
    }
    if isNew { tell() }
  }

  private func round() {
    for (damage, sighting) in known where damage.sku == nil && eventLoop.now - sighting.lastSeen > Self.forgottenAfter {
      forget(damage)
    }
    var looks: [SKU: NIODeadline] = [:]
    for (damage, sighting) in known {
      if let sku = damage.sku { looks[sku] = sighting.lastLook }
    }
    for (sku, _) in looks.sorted(by: { $0.value < $1.value }).prefix(Self.maxSKUsPerRound) {
      for damage in known.keys where damage.sku == sku { known[damage]?.lastLook = eventLoop.now }
      stock.inspect(sku, limit: Self.limit) { [self] result in
        // Without an answer it is looked at again in its turn.
        guard case .success(let left) = result else { return }
        sighted(left)
        // A full reply may leave out more, of which nothing is known.
        guard left.count < StoreDamage.maxPerReply else { return }
        for damage in known.keys where damage.sku == sku && !left.contains(damage) { forget(damage) }
      }
    }
  }

  private func forget(_ damage: StoreDamage) {
    known[damage] = nil
    isFull = false
    // A hold whose record is gone is met no more, though its pieces are still counted as reserved.
    logger.notice("not met as damaged any more: repaired, or left to the audit", metadata: metadata(of: damage))
    tell()
  }

  private func metadata(of damage: StoreDamage) -> Logger.Metadata {
    ["sku": "\(damage.sku?.text ?? "-")", "key": "\(damage.key)"]
  }

  private func tell() {
    let words = known.keys.map(\.description).sorted().prefix(Self.maxWords)
    changed(DamageReport(count: known.count, words: Array(words)))
  }
}
