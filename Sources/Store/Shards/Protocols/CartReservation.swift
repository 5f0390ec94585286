/// How a cart of SKUs of several shards is held: all of it, or nothing. Pure: whoever drives it does what it says, and
/// tells it what came of that.
///
/// Each other shard first holds its lines for the reservation, as a *part* of it, and for a few seconds only. Then the
/// home writes the reservation, with all lines: this one script decides. (Two-phase commit with presumed abort, where
/// the home is the log; Mohan, Lindsay, Obermarck 1986.) A part that is due asks its home before it is released
/// (``PartSettlement``). So nothing waits for the process that acts, and whatever it leaves behind lapses.
///
/// Each has an id of its own. One that begins again takes another, since what was put back under the last one is not held
/// again.
struct CartReservation {
  enum Action: Equatable {
    /// Hold the lines of this shard as a part.
    case hold(Shard)
    /// Write the reservation at home, or find what the key was answered with.
    case commit
    /// Tell what home thinks of its lines, or of the key. It writes nothing.
    case judge
    /// Put back what this shard holds of it.
    case drop(Shard)
    case finish(Outcome)
  }

  enum Outcome: Equatable {
    /// It is held until this instant of home's clock.
    case held(until: Int64)
    /// The key was answered before.
    case prior
    case refused(CartRefusal)
    /// Nothing has happened, nor will.
    case failed
    /// It may be held.
    case unknown
  }

  /// What came of a part.
  enum PartAnswer: Equatable {
    case held
    case refused(CartRefusal)
    /// It may be held, or come to be.
    case unknown
    /// It is not held, and will not be.
    case failed
  }

  /// What came of the reservation at home. A refusal and a failure are final: no attempt can take effect later.
  enum HomeAnswer: Equatable {
    /// Also where the key was answered by this very reservation: an attempt whose answer was lost has made it.
    case held(until: Int64)
    /// The key was answered by another one.
    case prior
    case refused(CartRefusal)
    case unknown
    case failed
  }

  private enum State {
    case holding
    case judging
    case committing
    case finished
  }

  let parts: [Shard]
  private let isKeyed: Bool
  private var state = State.holding
  private var awaited: Set<Shard>
  /// Those that hold something, or may.
  private var taken: Set<Shard> = []
  private var refusal = CartRefusal()
  private var isSpoilt = false

  /// - Parameter isKeyed: whether it comes with an idempotency key, and so may have been answered before.
  init(parts: [Shard], isKeyed: Bool) {
    precondition(!parts.isEmpty && Set(parts).count == parts.count, "a cart at home alone is one script")
    (self.parts, self.isKeyed) = (parts, isKeyed)
    awaited = Set(parts)
  }

  func begin() -> [Action] { parts.map { .hold($0) } }

  mutating func part(_ shard: Shard, _ answer: PartAnswer) -> [Action] {
    guard state == .holding, awaited.remove(shard) != nil else { return [] }
    switch answer {
    case .held: taken.insert(shard)
    case .unknown:
      taken.insert(shard)
      isSpoilt = true
    case .refused(let why): refusal.add(why)
    case .failed: isSpoilt = true
    }
    guard awaited.isEmpty else { return [] }
    if isSpoilt && !isKeyed { return end(.failed) }
    // Whether home would refuse too, and what the key was answered with, belongs to the answer.
    state = refusal.isEmpty && !isSpoilt ? .committing : .judging
    return [state == .committing ? .commit : .judge]
  }

  mutating func home(_ answer: HomeAnswer) -> [Action] {
    switch (state, answer) {
    case (.holding, _), (.finished, _): return []
    case (_, .prior): return end(.prior)
    case (_, .failed): return end(.failed)
    case (.committing, .held(let instant)):
      state = .finished
      return [.finish(.held(until: instant))]
    case (.committing, .refused(let why)): return end(.refused(why))
    case (.committing, .unknown):
      state = .finished
      return [.finish(.unknown)]
    case (.judging, .held) where isSpoilt, (.judging, .refused) where isSpoilt: return end(.failed)
    case (.judging, .held): return end(.refused(refusal))
    case (.judging, .refused(let why)):
      refusal.add(why)
      return end(.refused(refusal))
    // It was only a look.
    case (.judging, .unknown): return end(.failed)
    }
  }

  private mutating func end(_ outcome: Outcome) -> [Action] {
    state = .finished
    return [.finish(outcome)] + parts.filter(taken.contains).map { .drop($0) }
  }
}

/// Why lines can't be held, of one shard or of several.
struct CartRefusal: Equatable {
  /// There is no such SKU.
  var unknown: [SKU] = []
  /// Holds of them have expired that are still counted.
  var due: [SKU] = []
  var shortages: [Shortage] = []

  var isEmpty: Bool { unknown.isEmpty && due.isEmpty && shortages.isEmpty }

  /// SKUs stay in their order, whichever shard answered first.
  mutating func add(_ other: CartRefusal) {
    unknown = (unknown + other.unknown).sorted()
    due = (due + other.due).sorted()
    shortages = (shortages + other.shortages).sorted { $0.sku < $1.sku }
  }
}
