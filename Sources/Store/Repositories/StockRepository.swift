import Common
import NIOCore
import RedisClient

/// Stock in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there.
package final class StockRepository {
  private let scripts: ScriptLibrary
  private let caller: StoreCaller
  private let writer: KeyedWriter

  /// Item lines released in one script call: well under a millisecond of Redis.
  private static let linesPerRelease = 80

  init(scripts: ScriptLibrary, caller: StoreCaller, writer: KeyedWriter) {
    self.scripts = scripts
    self.caller = caller
    self.writer = writer
  }

  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  package enum ReadOutcome: Equatable {
    case stock(Inventory)
    case gone
    case due([SKU])
  }

  package func read(_ sku: SKU, deadline: NIODeadline, completion: @escaping Completion<ReadOutcome>) {
    caller.read(scripts.readStock, RedisArguments(sku.text), deadline: deadline, completion: completion) { reply in
      var tokens = reply.rest
      switch reply.verdict {
      case .ok: return tokens.nextInventory(of: sku).map { .stock($0) }
      case .gone: return .gone
      case .due: return .due(tokens.skus())
      }
    }
  }

  /// Puts one bounded step of a SKU's expired holds back in stock.
  /// The outcome tells whether any are left.
  package func releaseSome(of sku: SKU, arrival: NIODeadline, completion: @escaping Completion<Bool>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(Self.linesPerRelease)
    // Released twice is released once: this write needs no key to be repeated.
    let call = StoreCall(
      script: scripts.release, arguments: arguments, effectBefore: arrival + Budget.effect,
      deadline: arrival + Budget.reply)
    caller.run(call, completion: completion) { [caller] reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        guard tokens.nextInteger() != nil else { return nil }
        let next = tokens.nextInstant()
        caller.sighted(tokens.damages())
        return next.map { $0 <= reply.time } ?? false
      }
    }
  }

  package enum Change {
    case set(total: Int)
    case adjust(delta: Int, reason: String?)
  }

  package enum ChangeOutcome: Equatable {
    case done(Inventory, isNew: Bool, isReplay: Bool)
    case keyReused
    case gone
    case due([SKU])
    case inUse(reserved: Int, sold: Int)
    case limit(total: Int)
  }

  package func change(
    _ sku: SKU, _ change: Change, write: Write, completion: @escaping Completion<ChangeOutcome>
  ) {
    var arguments = RedisArguments(sku.text)
    arguments.append(scripts.keys.record(of: write) ?? "")
    arguments.append(write.fingerprint.map(IdempotencyRecord.head) ?? "")
    switch change {
    case .set(let total):
      arguments.append("set")
      arguments.append(total)
      arguments.append("")
    case .adjust(let delta, let reason):
      arguments.append("adjust")
      arguments.append(delta)
      var text = ByteBuffer()
      if let reason { text.writeJSONString(reason) }
      arguments.append(text)
    }
    run(scripts.changeStock, arguments, write, completion) { [self] reply throws(StoreDamage) -> ChangeOutcome? in
      var tokens = reply.rest
      switch reply.verdict {
      case .ok: return tokens.nextChange(of: sku)
      case .prior:
        guard let answer = try scripts.keys.prior(reply, write) else { return .keyReused }
        tokens = ReplyTokens(answer)
        guard case .done(let told, let isNew, _)? = tokens.nextChange(of: sku), tokens.isEmpty,
          told.nextReleaseAt.map(reply.isCredible) ?? true
        else { throw scripts.keys.damagedRecord(of: write) }
        return .done(told, isNew: isNew, isReplay: true)
      case .gone: return .gone
      case .due: return .due(tokens.skus())
      case .inUse:
        guard let reserved = tokens.nextCount(), let sold = tokens.nextCount() else { return nil }
        return .inUse(reserved: reserved, sold: sold)
      case .stockLimit: return tokens.nextInteger().map { .limit(total: $0) }
      }
    }
  }

  package enum DeleteOutcome: Equatable {
    case done(isReplay: Bool)
    case keyReused
    case gone
    case due([SKU])
    case inUse(reserved: Int, sold: Int)
  }

  package func delete(_ sku: SKU, write: Write, completion: @escaping Completion<DeleteOutcome>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(scripts.keys.record(of: write) ?? "")
    arguments.append(write.fingerprint.map(IdempotencyRecord.head) ?? "")
    run(scripts.deleteStock, arguments, write, completion) { [self] reply throws(StoreDamage) -> DeleteOutcome? in
      var tokens = reply.rest
      switch reply.verdict {
      case .ok: return .done(isReplay: false)
      case .prior:
        guard let answer = try scripts.keys.prior(reply, write) else { return .keyReused }
        guard answer.isEmpty else { throw scripts.keys.damagedRecord(of: write) }
        return .done(isReplay: true)
      case .gone: return .gone
      case .due: return .due(tokens.skus())
      case .inUse:
        guard let reserved = tokens.nextCount(), let sold = tokens.nextCount() else { return nil }
        return .inUse(reserved: reserved, sold: sold)
      }
    }
  }

  private func run<Verdict: KeyedVerdict, Outcome>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ write: Write,
    _ completion: @escaping Completion<Outcome>,
    decode: @escaping (StoreReply<Verdict>) throws(StoreDamage) -> Outcome?
  ) {
    writer.run(
      script, arguments, record: scripts.keys.record(of: write), arrival: write.arrival, completion: completion,
      decode: decode)
  }

  /// What the index of SKUs has at one place.
  package struct Row: Equatable {
    package enum Content: Equatable {
      /// Where `isDue` is told, holds have expired that are still counted as reserved.
      case stock(Inventory, isDue: Bool)
      case damaged(StoreDamage)
      /// What stands there is no SKU.
      case foreign
    }

    /// As it stands in the index.
    package var member: [UInt8]
    package var content: Content
  }

  /// A step of the list: SKUs in byte order after the member `cursor`, at most `limit`.
  package func list(
    after cursor: [UInt8]?, limit: Int, deadline: NIODeadline, completion: @escaping Completion<[Row]>
  ) {
    var arguments = RedisArguments()
    arguments.append(cursor ?? [])
    arguments.append(limit)
    caller.read(scripts.listStock, arguments, deadline: deadline, completion: completion) { [caller] reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        var rows: [Row] = []
        while let name = tokens.next() {
          guard let row = tokens.nextRow(of: name, now: reply.time) else { return nil }
          if case .damaged(let damage) = row.content { caller.sighted([damage]) }
          rows.append(row)
        }
        return rows
      }
    }
  }

  /// What one slice of a SKU's reservations adds up to (`audit_stock.lua`).
  package struct AuditSlice: Equatable {
    /// As far as they can be read, and 0 where not: no more than 15 digits.
    package var available, total, sold: Int
    /// Lengths of the indexes of holds and of sales.
    package var holds, sales: Int
    /// Pieces counted in this slice.
    package var active, confirmed: Int
    /// Sales in this slice that are older than their retention.
    package var lapsed: Int
    /// Counters and indexes that are not what they must be.
    package var unreadable: Int
    /// Entries in this slice whose reservation can't be read.
    package var unrecorded: Int
    /// Holds in this slice that are indexed under another deadline than their own.
    package var misdated: Int
    /// Keys that would vanish by themselves and must not.
    package var lapsing: Int
  }

  /// One slice, or nil if the SKU has no counters.
  package func audit(
    _ sku: SKU, from position: Int, entries: Int, deadline: NIODeadline, completion: @escaping Completion<AuditSlice?>
  ) {
    var arguments = RedisArguments(sku.text)
    arguments.append(position)
    arguments.append(entries)
    caller.read(scripts.auditStock, arguments, deadline: deadline, completion: completion) { reply -> AuditSlice?? in
      switch reply.verdict {
      case .gone: return .some(nil)
      case .ok:
        var tokens = reply.rest
        let numbers = (0..<12).compactMap { _ in tokens.nextInteger() }
        guard numbers.count == 12 else { return nil }
        return AuditSlice(
          available: numbers[0], total: numbers[1], sold: numbers[2], holds: numbers[3], sales: numbers[4],
          active: numbers[5], confirmed: numbers[6], lapsed: numbers[7], unreadable: numbers[8],
          unrecorded: numbers[9], misdated: numbers[10], lapsing: numbers[11])
      }
    }
  }

  /// What one step through all keys has found (`find_unlisted.lua`).
  package struct Search: Equatable {
    /// Where to go on; 0 at the end.
    package var next: UInt64
    /// Keys that all SKUs share and that are not what they must be, or would vanish by themselves.
    package var unreadable, lapsing: Int
    /// SKUs that have keys but are missing from the index.
    package var skus: [SKU]
  }

  /// One step through all keys of the store, about `count` of them from `cursor` on; it begins at 0.
  package func findUnlisted(
    from cursor: UInt64, count: Int, deadline: NIODeadline,
    completion: @escaping Completion<Search>
  ) {
    var arguments = RedisArguments("\(cursor)")
    arguments.append(count)
    caller.read(scripts.findUnlisted, arguments, deadline: deadline, completion: completion) { reply in
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

  /// Looks again at a SKU that was found damaged; the outcome is what is damaged still.
  package func inspect(_ sku: SKU, limit: TimeAmount, completion: @escaping Completion<[StoreDamage]>) {
    let end = caller.link.eventLoop.now + limit
    let call = StoreCall(
      script: scripts.inspectStock, arguments: RedisArguments(sku.text), effectBefore: end, deadline: end)
    caller.run(call, completion: completion) { reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        return tokens.damages()
      }
    }
  }
}

extension ReplyTokens {
  /// `available total sold next|-`, or `! key`, of what stands under this name; `=` and hexadecimal where it is no SKU.
  fileprivate mutating func nextRow(of name: ArraySlice<UInt8>, now: Int64) -> StockRepository.Row? {
    var ahead = self
    guard ahead.nextText() == "!" else {
      guard let sku = SKU(String(decoding: name, as: UTF8.self)), let stock = nextInventory(of: sku) else { return nil }
      let isDue = stock.nextReleaseAt.map { $0 <= now } ?? false
      return StockRepository.Row(member: Array(name), content: .stock(stock, isDue: isDue))
    }
    self = ahead
    guard let key = nextText() else { return nil }
    guard let sku = SKU(String(decoding: name, as: UTF8.self)) else {
      let member = [UInt8](hexadecimal: name.dropFirst())
      // An empty cursor is the start; this is the least that comes behind an empty member.
      return StockRepository.Row(member: member.isEmpty ? [0] : member, content: .foreign)
    }
    return StockRepository.Row(member: Array(name), content: .damaged(StoreDamage(sku: sku, key: key)))
  }

  /// `available total sold next|-`
  fileprivate mutating func nextInventory(of sku: SKU) -> Inventory? {
    guard let available = nextCount(), let total = nextCount(), let sold = nextCount(), available + sold <= total,
      let release = nextText()
    else { return nil }
    let nextReleaseAt = Int(decimal: release.utf8).flatMap(Int64.init(instant:))
    guard release == "-" || nextReleaseAt != nil else { return nil }
    return Inventory(sku: sku, available: available, total: total, sold: sold, nextReleaseAt: nextReleaseAt)
  }

  /// `created|changed`, then the inventory.
  fileprivate mutating func nextChange(of sku: SKU) -> StockRepository.ChangeOutcome? {
    guard let verdict = nextText(), ["created", "changed"].contains(verdict), let inventory = nextInventory(of: sku)
    else { return nil }
    return .done(inventory, isNew: verdict == "created", isReplay: false)
  }
}
