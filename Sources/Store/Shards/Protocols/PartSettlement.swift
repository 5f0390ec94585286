/// Brings the parts of a cart to where their home stands. Pure, as ``CartReservation``.
///
/// It begins when a home has decided, when the sweep finds a decision that is not settled yet, and when a part is due.
/// Repeated, or done by several at once, it does the same.
struct PartSettlement {
  /// Where a reservation of several shards stands at home.
  enum Standing: Equatable {
    /// It is held for so many milliseconds more.
    case held(milliseconds: Int64)
    case confirmed(at: Int64)
    /// Cancelled or expired.
    case ended(at: Int64)
    /// It never came to be, nor will: home has seen to that.
    case void
  }

  enum Action: Equatable {
    /// Ask home; what never came to be is made impossible, and what is overdue expires.
    case askHome
    case settle(Shard, Standing)
    /// Tell home that all parts have followed to this end, so that it need not remember them any longer.
    case acknowledge(Standing)
    case finish(isSettled: Bool)
  }

  private enum State {
    case asking
    case settling
    case acknowledging
    case finished
  }

  private var parts: Set<Shard>
  private var state: State
  private var standing: Standing?
  private var isBehind = false
  /// Whether it is about all parts there are.
  private let isWhole: Bool

  /// Home was just told to decide.
  init(_ standing: Standing, parts: Set<Shard>) {
    precondition(!parts.isEmpty, "a reservation without parts is settled")
    (self.parts, self.standing, isWhole, state) = (parts, standing, true, .settling)
  }

  /// Home's last decision may not be settled. Home knows which parts there are.
  init() { (parts, isWhole, state) = ([], true, .asking) }

  /// A part of it is due there.
  init(dueAt shard: Shard) { (parts, isWhole, state) = ([shard], false, .asking) }

  func begin() -> [Action] { standing.map(settle) ?? [.askHome] }

  /// Home has answered.
  ///
  /// - Parameters:
  ///   - answer: nil if there was none.
  ///   - all: the parts there are, by home's record.
  mutating func home(_ answer: Standing?, parts all: Set<Shard>) -> [Action] {
    guard state == .asking else { return [] }
    guard let answer else { return finish(false) }
    (state, standing) = (.settling, answer)
    if isWhole { parts = all }
    return parts.isEmpty ? end() : settle(answer)
  }

  mutating func settled(_ shard: Shard, _ isDone: Bool) -> [Action] {
    guard state == .settling, parts.remove(shard) != nil else { return [] }
    isBehind = isBehind || !isDone
    return parts.isEmpty ? end() : []
  }

  mutating func acknowledged(_ isDone: Bool) -> [Action] { state == .acknowledging ? finish(isDone) : [] }

  private func settle(_ standing: Standing) -> [Action] { parts.sorted().map { .settle($0, standing) } }

  private mutating func end() -> [Action] {
    guard let standing, !isBehind else { return finish(false) }
    // A part that does not hear that it is held longer asks when it is due.
    if case .held = standing { return finish(true) }
    guard isWhole else { return finish(true) }
    state = .acknowledging
    return [.acknowledge(standing)]
  }

  private mutating func finish(_ isSettled: Bool) -> [Action] {
    state = .finished
    return [.finish(isSettled: isSettled)]
  }
}
