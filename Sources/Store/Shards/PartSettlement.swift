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
    /// Tell home that all parts have followed, so that it need not remember this standing any longer.
    case acknowledge(Standing)
    case finish(isSettled: Bool)
  }

  private enum State {
    case asking
    case settling
    case acknowledging
    case finished
  }

  private(set) var parts: Set<Shard>
  private var state: State
  private var standing: Standing?
  private var isBehind = false
  /// Whether these are all parts there are.
  private let isWhole: Bool

  /// Home was just told to decide.
  init(_ standing: Standing, parts: Set<Shard>) {
    (self.parts, self.standing, isWhole, state) = (parts, standing, true, .settling)
  }

  /// The sweep has found that home's decision is not settled.
  init(unsettled parts: Set<Shard>) { (self.parts, isWhole, state) = (parts, true, .asking) }

  /// A part of it is due there.
  init(dueAt shard: Shard) { (parts, isWhole, state) = ([shard], false, .asking) }

  func begin() -> [Action] {
    if let standing { parts.sorted().map { .settle($0, standing) } } else { [.askHome] }
  }

  /// Home has answered; nil if it has not.
  mutating func home(_ answer: Standing?) -> [Action] {
    guard state == .asking else { return [] }
    guard let answer else { return finish(false) }
    (state, standing) = (.settling, answer)
    return parts.sorted().map { .settle($0, answer) }
  }

  mutating func settled(_ shard: Shard, _ isDone: Bool) -> [Action] {
    guard state == .settling, let standing, parts.remove(shard) != nil else { return [] }
    isBehind = isBehind || !isDone
    guard parts.isEmpty else { return [] }
    guard !isBehind else { return finish(false) }
    guard isWhole else { return finish(true) }
    state = .acknowledging
    return [.acknowledge(standing)]
  }

  mutating func acknowledged(_ isDone: Bool) -> [Action] { state == .acknowledging ? finish(isDone) : [] }

  private mutating func finish(_ isSettled: Bool) -> [Action] {
    state = .finished
    return [.finish(isSettled: isSettled)]
  }
}
