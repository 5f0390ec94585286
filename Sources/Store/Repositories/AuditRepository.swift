import Common
import NIOCore
import RedisClient

/// What the audit reads of the store: the counters of a SKU beside what its reservations add up to, and the SKUs that
/// no list shows.
///
/// A SKU with few reservations is counted by one script, and so at one instant. One with many is counted in steps under
/// `WATCH`: Redis itself then tells whether anything of the SKU changed in between, and what was counted while it did
/// is dropped. `WATCH` belongs to a connection. So the link must be the audit's own, and counts go one at a time.
///
/// Lives on the event loop of its link, and so do the tasks that call it.
package final class AuditRepository {
  /// Entries counted in one script call: about half a millisecond of Redis.
  private static let entriesPerStep = 512
  /// Keys that one step of the search goes through: some tenths of a millisecond of Redis.
  private static let keysPerStep = 500
  /// Redis has so long to answer what was asked in time.
  package static let patience = TimeAmount.milliseconds(500)

  private let scripts: ScriptLibrary
  private let caller: StoreCaller
  private var isCounting = false

  init(scripts: ScriptLibrary, caller: StoreCaller) {
    self.scripts = scripts
    self.caller = caller
  }

  private var link: any CommandSender { caller.link }
  private var now: NIODeadline { link.eventLoop.now }

  package enum Outcome: Equatable, Sendable {
    case counted(AuditCount)
    /// The SKU has no counters.
    case gone
    /// The SKU changed while it was counted.
    case changed
    case outOfTime
  }

  /// Counts a SKU. No step begins at `end` or later; the answer comes within twice ``patience`` after it.
  package func count(_ sku: SKU, until end: NIODeadline) async throws(StoreFailure) -> Outcome {
    assert(!isCounting, "counts of one connection share their WATCH")
    isCounting = true
    defer { isCounting = false }
    guard end > now else { return .outOfTime }
    guard let whole = try await step(sku, from: 0, until: end) else { return .gone }
    guard whole.entries > Self.entriesPerStep else { return .counted(whole) }
    return end > now ? try await countInSteps(sku, until: end) : .outOfTime
  }

  private func countInSteps(_ sku: SKU, until end: NIODeadline) async throws(StoreFailure) -> Outcome {
    let connection = try await watch(sku)
    var count = AuditCount()
    var position = 0
    repeat {
      // These are known without what Redis has noticed: the watch is only let go.
      guard end > now else {
        _ = try? await endWatch(of: connection)
        return .outOfTime
      }
      guard let step = try await step(sku, from: position, until: end) else {
        _ = try? await endWatch(of: connection)
        return .gone
      }
      count.add(step)
      position += Self.entriesPerStep
    } while position < count.entries
    return try await endWatch(of: connection) ? .counted(count) : .changed
  }

  /// Counts some entries, from `position` on; nil if the SKU has no counters.
  private func step(
    _ sku: SKU, from position: Int, until end: NIODeadline
  ) async throws(StoreFailure) -> AuditCount? {
    var arguments = RedisArguments(sku.text)
    arguments.append(position)
    arguments.append(Self.entriesPerStep)
    return try await caller.read(scripts.auditStock, arguments, deadline: end + Self.patience) {
      reply -> AuditCount?? in
      switch reply.verdict {
      case .gone: return .some(nil)
      case .ok: return AuditCount(reply.rest).map { .some($0) }
      }
    }
  }

  // MARK: - Holding still

  /// From now on Redis notices what happens to the SKU.
  /// - Returns: the connection that it does this for, told by how many there were before it.
  private func watch(_ sku: SKU) async throws(StoreFailure) -> Int {
    let keys = scripts.keys
    var arguments = RedisArguments("WATCH")
    for name in [keys.inventory, keys.total, keys.sold, keys.holds, keys.sales] { arguments.append(name + sku.text) }
    _ = try await outcome { send(arguments, $0) }
    return link.reconnects
  }

  /// Tells whether the SKU held still since ``watch(_:)``, and forgets it.
  private func endWatch(of connection: Int) async throws(StoreFailure) -> Bool {
    let reply = try await outcome { (completion: @escaping (Result<RedisReply, StoreFailure>) -> Void) in
      // An empty transaction: Redis answers null if a watched key was touched. Both leave in one write.
      var refusal: StoreFailure?
      send(RedisArguments("MULTI")) { if case .failure(let failure) = $0 { refusal = failure } }
      // Without a MULTI the EXEC is refused, too. What Redis said first is the cause.
      send(RedisArguments("EXEC")) { result in completion(refusal.map { .failure($0) } ?? result) }
    }
    return reply == .array([]) && link.reconnects == connection
  }

  private func send(_ arguments: RedisArguments, _ completion: @escaping (Result<RedisReply, StoreFailure>) -> Void) {
    var command = ByteBuffer()
    command.writeRedisCommand(arguments)
    link.send(command, deadline: now + Self.patience) { result in
      completion(
        result.mapError(StoreFailure.redis).flatMap { reply in
          if case .error(let line) = reply { .failure(.redis(.rejected(.init(line: line)))) } else { .success(reply) }
        })
    }
  }

  // MARK: - The search

  /// What one step through all keys has found (`find_unlisted.lua`).
  package struct Search: Equatable, Sendable {
    /// Where to go on; 0 at the end.
    package var next: UInt64
    /// Keys that all SKUs share and that are not what they must be, or would vanish by themselves.
    package var unreadable, lapsing: Int
    /// SKUs that have keys but are missing from the index.
    package var skus: [SKU]
  }

  /// Goes through some of all keys of the store, from `cursor` on; it begins at 0.
  package func findUnlisted(from cursor: UInt64, deadline: NIODeadline) async throws(StoreFailure) -> Search {
    var arguments = RedisArguments("\(cursor)")
    arguments.append(Self.keysPerStep)
    return try await caller.read(scripts.findUnlisted, arguments, deadline: deadline) { reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        guard let next = tokens.nextText().flatMap({ UInt64($0) }), let unreadable = tokens.nextInteger(),
          let lapsing = tokens.nextInteger()
        else { return nil }
        return Search(next: next, unreadable: unreadable, lapsing: lapsing, skus: tokens.skus())
      }
    }
  }
}

/// The counters of a SKU, and what its reservations add up to as far as they were counted (`audit_stock.lua`).
package struct AuditCount: Equatable, Sendable {
  /// A longer counter can't be read: Lua's numbers, and JSON's, would not be exact.
  static let maxCounterCharacters = 15

  /// As far as they can be read, and 0 where not.
  package var available = 0, total = 0, sold = 0
  /// Lengths of the indexes of holds and of sales.
  package var holds = 0, sales = 0
  /// Counters and indexes that are not what they must be.
  package var unreadable = 0

  /// Pieces of the holds and sales that were counted.
  package var active = 0, confirmed = 0
  /// Sales among them that are older than their retention.
  package var lapsed = 0
  /// Entries among them whose reservation can't be read.
  package var unrecorded = 0
  /// Holds among them that are indexed under another deadline than their own.
  package var misdated = 0
  /// Keys that would vanish by themselves and must not.
  package var lapsing = 0

}

extension AuditCount {
  fileprivate init?(_ reply: ReplyTokens) {
    var tokens = reply
    let numbers = (0..<12).compactMap { _ in tokens.nextInteger() }
    guard numbers.count == 12 else { return nil }
    (available, total, sold) = (numbers[0], numbers[1], numbers[2])
    (holds, sales) = (numbers[3], numbers[4])
    (active, confirmed, lapsed) = (numbers[5], numbers[6], numbers[7])
    (unreadable, unrecorded, misdated, lapsing) = (numbers[8], numbers[9], numbers[10], numbers[11])
  }

  /// All there are to count.
  fileprivate var entries: Int { holds + sales }

  /// Takes in the entries of a further step. The counters are those of the last one.
  fileprivate mutating func add(_ step: AuditCount) {
    var sum = step
    sum.active += active
    sum.confirmed += confirmed
    sum.lapsed += lapsed
    sum.unrecorded += unrecorded
    sum.misdated += misdated
    sum.lapsing += lapsing
    self = sum
  }
}
