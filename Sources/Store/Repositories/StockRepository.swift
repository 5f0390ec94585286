import Common
import NIOCore
import RedisClient

/// Stock in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there, and tasks that call it run there.
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

  /// Where all of it happens.
  package var eventLoop: any EventLoop { caller.link.eventLoop }

  package typealias Completion<Outcome> = (Result<Outcome, StoreFailure>) -> Void

  package enum ReadOutcome: Equatable {
    case stock(Inventory)
    /// There is no such SKU.
    case gone
    /// Holds of it have expired, and must be released first.
    case due([SKU])
  }

  /// Reads the counters of a SKU. It has no effect, and fails if Redis does not answer before `deadline`.
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

  package struct Release: Equatable {
    /// Whether any are left.
    package var isMoreDue: Bool
    /// Parts of carts that are due, and whose home must be asked.
    var parts: [ReservationID]
  }

  /// Puts one bounded step of a SKU's expired holds back in stock.
  package func releaseSome(of sku: SKU, arrival: NIODeadline, completion: @escaping Completion<Release>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(Self.linesPerRelease)
    // A second release finds nothing to do. So this write can be repeated without a key.
    let call = StoreCall(
      script: scripts.release, arguments: arguments, effectBefore: arrival + Budget.effect,
      deadline: arrival + Budget.reply)
    caller.run(call, completion: completion) { [caller] reply in
      switch reply.verdict {
      case .ok:
        var tokens = reply.rest
        guard tokens.nextInteger() != nil else { return nil }
        let next = tokens.nextInstant()
        let parts = tokens.dueParts()
        caller.alarm.damaged(tokens.damages())
        return Release(isMoreDue: next.map { $0 <= reply.time } ?? false, parts: parts)
      }
    }
  }

  /// A change of a SKU's total, in pieces.
  package enum Change {
    case set(total: Int)
    case adjust(delta: Int, reason: String?)
  }

  package enum ChangeOutcome: Equatable {
    case done(Inventory, isNew: Bool, isReplay: Bool)
    /// The key was used for another request.
    case keyReused
    case gone
    case due([SKU])
    /// More pieces are reserved and sold than the total would be.
    case inUse(reserved: Int, sold: Int)
    /// The SKU would have more pieces than any may have; it has so many.
    case limit(total: Int)
  }

  /// Sets or adjusts the total of a SKU; setting it makes the SKU. It takes effect once for a key. A failure that is
  /// ``RedisFailure/unknown(_:)`` may have taken effect; no other has.
  package func change(
    _ sku: SKU, _ change: Change, write: Write, completion: @escaping Completion<ChangeOutcome>
  ) {
    var arguments = RedisArguments(sku.text)
    arguments.append(scripts.keys.record(of: write) ?? "")
    arguments.append(write.recordHead)
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
      case .ok:
        return RecordedAnswer.Stock(tokens.remainder, of: sku)
          .map { .done($0.inventory, isNew: $0.isNew, isReplay: false) }
      case .prior:
        guard let answer = try scripts.keys.prior(reply, write) else { return .keyReused }
        guard let first = RecordedAnswer.Stock(answer, of: sku),
          first.inventory.nextReleaseAt.map(reply.isCredible) ?? true
        else { throw scripts.keys.damagedRecord(of: write) }
        return .done(first.inventory, isNew: first.isNew, isReplay: true)
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
    /// Pieces of it are reserved.
    case inUse(reserved: Int, sold: Int)
  }

  /// Deletes a SKU of which nothing is reserved, with its sales. Effect and failures are as of a change.
  package func delete(_ sku: SKU, write: Write, completion: @escaping Completion<DeleteOutcome>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(scripts.keys.record(of: write) ?? "")
    arguments.append(write.recordHead)
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
      script, arguments, record: scripts.keys.record(of: write), arrival: write.arrival,
      onlyReplays: write.onlyReplays, completion: completion, decode: decode)
  }

  /// What the index of SKUs has at one place.
  package struct Row: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
      /// If `isDue`, holds have expired that are still counted as reserved.
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
    assert(limit > 0, "Redis takes a negative one for all")
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
          if case .damaged(let damage) = row.content { caller.alarm.damaged([damage]) }
          rows.append(row)
        }
        return rows
      }
    }
  }

  /// Looks again at a SKU that was found damaged; the outcome is what is damaged still.
  package func inspect(_ sku: SKU, limit: TimeAmount, completion: @escaping Completion<[StoreDamage]>) {
    let end = caller.now + limit
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
}
