import NIOCore

/// Stock in the store: which script does what, and what its reply means.
///
/// Lives on the event loop of its link; completions are called there.
final class StockRepository {
  private let scripts: ScriptLibrary
  private let runner: ScriptRunner
  private let writer: KeyedWriter

  /// Item lines released in one script call: well under a millisecond of Redis.
  private static let linesPerRelease = 80

  init(scripts: ScriptLibrary, runner: ScriptRunner, writer: KeyedWriter) {
    self.scripts = scripts
    self.runner = runner
    self.writer = writer
  }

  typealias Write = ReservationRepository.Write
  typealias Completion<Outcome> = (Result<Outcome, RedisFailure>) -> Void

  enum ReadOutcome: Equatable {
    case stock(Inventory)
    case gone
    case due([SKU])
  }

  func read(_ sku: SKU, deadline: NIODeadline, completion: @escaping Completion<ReadOutcome>) {
    runner.read(scripts.readStock, RedisArguments(sku.text), deadline: deadline) { result in
      completion(
        result.decoded { reply in
          var words = reply.rest
          switch reply.verdict {
          case .ok: return words.nextInventory(of: sku).map { .stock($0) }
          case .gone: return .gone
          case .due: return .due(words.skus())
          default: return nil
          }
        })
    }
  }

  /// Puts one bounded step of a SKU's expired holds back in stock.
  /// The outcome tells whether any are left.
  func releaseSome(of sku: SKU, arrival: NIODeadline, completion: @escaping Completion<Bool>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(Self.linesPerRelease)
    // Released twice is released once: this write needs no key to be repeated.
    let call = ScriptRunner.Call(
      script: scripts.release, arguments: arguments, effectBefore: arrival + Budget.effect,
      deadline: arrival + Budget.reply)
    runner.run(call) { result in
      completion(
        result.decoded { reply in
          var words = reply.rest
          guard reply.verdict == .ok, words.nextInteger() != nil else { return nil }
          return words.nextInstant().map { $0 <= reply.time } ?? false
        })
    }
  }

  enum Change {
    case set(total: Int)
    case adjust(delta: Int, reason: String?)
  }

  enum ChangeOutcome: Equatable {
    case done(Inventory, isNew: Bool, isReplay: Bool)
    case keyReused
    case gone
    case due([SKU])
    case inUse(reserved: Int, sold: Int)
    case limit(total: Int)
  }

  func change(
    _ sku: SKU, _ change: Change, write: Write, completion: @escaping Completion<ChangeOutcome>
  ) {
    var arguments = RedisArguments(sku.text)
    arguments.append(write.key?.recordName ?? "")
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
      arguments.append(text.readableBytesView)
    }
    writer.run(scripts.changeStock, arguments, record: write.key?.recordName, arrival: write.arrival) { result in
      completion(
        result.decoded { reply in
          var words = reply.rest
          switch reply.verdict {
          case .ok: return words.nextChange(of: sku, isReplay: false)
          case .prior:
            guard let answer = write.recorded(in: words) else { return .keyReused }
            words = Words(answer)
            return words.nextChange(of: sku, isReplay: true)
          case .gone: return .gone
          case .due: return .due(words.skus())
          case .inUse:
            guard let reserved = words.nextInteger(), let sold = words.nextInteger() else { return nil }
            return .inUse(reserved: reserved, sold: sold)
          case .holdLimit: return words.nextInteger().map { .limit(total: $0) }
          default: return nil
          }
        })
    }
  }

  enum DeleteOutcome: Equatable {
    case done(isReplay: Bool)
    case keyReused
    case gone
    case due([SKU])
    case inUse(reserved: Int, sold: Int)
  }

  func delete(_ sku: SKU, write: Write, completion: @escaping Completion<DeleteOutcome>) {
    var arguments = RedisArguments(sku.text)
    arguments.append(write.key?.recordName ?? "")
    arguments.append(write.fingerprint.map(IdempotencyRecord.head) ?? "")
    writer.run(scripts.deleteStock, arguments, record: write.key?.recordName, arrival: write.arrival) { result in
      completion(
        result.decoded { reply in
          var words = reply.rest
          switch reply.verdict {
          case .ok: return .done(isReplay: false)
          case .prior: return write.recorded(in: words) == nil ? .keyReused : .done(isReplay: true)
          case .gone: return .gone
          case .due: return .due(words.skus())
          case .inUse:
            guard let reserved = words.nextInteger(), let sold = words.nextInteger() else { return nil }
            return .inUse(reserved: reserved, sold: sold)
          default: return nil
          }
        })
    }
  }

  /// A step of the list: SKUs in byte order after `cursor`, at most `limit`. Where `isDue` is told, holds have expired
  /// that are still counted as reserved.
  func list(
    after cursor: SKU?, limit: Int, deadline: NIODeadline,
    completion: @escaping Completion<[(inventory: Inventory, isDue: Bool)]>
  ) {
    var arguments = RedisArguments(cursor?.text ?? "")
    arguments.append(limit)
    runner.read(scripts.listStock, arguments, deadline: deadline) { result in
      completion(
        result.decoded { reply in
          guard reply.verdict == .ok else { return nil }
          var words = reply.rest
          var rows: [(inventory: Inventory, isDue: Bool)] = []
          while let name = words.next() {
            guard let row = words.nextInventory(of: SKU(stored: name)) else { return nil }
            rows.append((row, row.nextReleaseAt.map { $0 <= reply.time } ?? false))
          }
          return rows
        })
    }
  }

  /// What one slice of a SKU's reservations adds up to (`audit_stock.lua`).
  struct AuditSlice: Equatable {
    var available, total, sold: Int
    /// Lengths of the indexes of holds and of sales.
    var holds, sales: Int
    /// Pieces counted in this slice.
    var active, confirmed: Int
    /// Sales in this slice that are older than their retention.
    var lapsed: Int
  }

  /// One slice, or nil if the SKU has no counters.
  func audit(
    _ sku: SKU, from position: Int, entries: Int, deadline: NIODeadline, completion: @escaping Completion<AuditSlice?>
  ) {
    var arguments = RedisArguments(sku.text)
    arguments.append(position)
    arguments.append(entries)
    runner.read(scripts.auditStock, arguments, deadline: deadline) { result in
      completion(
        result.decoded { reply in
          if reply.verdict == .gone { return .some(nil) }
          var words = reply.rest
          let numbers = (0..<8).compactMap { _ in words.nextInteger() }
          guard reply.verdict == .ok, numbers.count == 8 else { return nil }
          return AuditSlice(
            available: numbers[0], total: numbers[1], sold: numbers[2], holds: numbers[3], sales: numbers[4],
            active: numbers[5], confirmed: numbers[6], lapsed: numbers[7])
        })
    }
  }
}

extension ReservationRepository.Write {
  /// The recorded answer, nil if the key was used for another request.
  fileprivate func recorded(in words: Words) -> ArraySlice<UInt8>? {
    fingerprint.flatMap { IdempotencyRecord.answer(in: words.remainder, for: $0) }
  }
}

extension Words {
  /// `available total sold next|-`
  fileprivate mutating func nextInventory(of sku: SKU) -> Inventory? {
    guard let available = nextInteger(), let total = nextInteger(), let sold = nextInteger() else { return nil }
    return Inventory(sku: sku, available: available, total: total, sold: sold, nextReleaseAt: nextInstant())
  }

  /// `created|changed`, then the inventory.
  fileprivate mutating func nextChange(of sku: SKU, isReplay: Bool) -> StockRepository.ChangeOutcome? {
    guard let verdict = nextText(), let inventory = nextInventory(of: sku) else { return nil }
    return .done(inventory, isNew: verdict == "created", isReplay: isReplay)
  }
}
