/// Who leads, decided purely: events and the time in, actions out.
///
/// One node at a time holds the lease key in Redis and sweeps. The holder renews it; the others try for it. For a while
/// two nodes may both believe that they lead: a stopped process knows nothing of the time that passes, and no clock can
/// prevent that. The token keeps their sweeps apart, since each sweep script compares it (fencing, after M. Kleppmann,
/// "How to do distributed locking", 2016). This machine steps down in time, but that is courtesy.
///
/// Answers are matched to attempts by number: one that is late, doubled or out of order changes nothing.
struct LeaseMachine {
  /// The time of a monotonic clock that goes on while the machine is suspended.
  typealias Instant = ContinuousClock.Instant

  /// A time in office. Every sweep compares its token; its epoch is greater than that of the term before.
  struct Term: Equatable, Sendable {
    var token: String
    var epoch: Int64
  }

  /// Who holds the lease instead of us.
  struct Holder: Equatable, Sendable {
    var token: String
    var epoch: Int64
    /// Redis's number of the connection that it took or renewed the lease on.
    var connection: Int64
  }

  /// Whose lease need not be waited for.
  struct Predecessor: Equatable, Sendable {
    var token: String
    /// Only while it is held on this connection; nil: on any.
    var connection: Int64?
  }

  /// What gave us the chance to lead.
  enum Opportunity: Equatable, Sendable {
    /// The time had come to look at the lease again, and it was free.
    case lapsed
    /// The holder has told that it gave the lease back.
    case vacated
    /// The holder's connection to Redis was gone: it need not be waited for, since fencing guards against it.
    case holderGone
    /// Our own last term has ended without anybody else's having begun.
    case ownTermOver
  }

  enum EndOfTerm: CaseIterable, Sendable {
    /// No renewal was confirmed in time.
    case notRenewed
    /// Redis says that the lease is another's, or nobody's.
    case lost
    /// The node is to lead no more.
    case handedOver
  }

  enum Action: Equatable, Sendable {
    case acquire(token: String, replacing: Predecessor?, attempt: Int)
    case renew(token: String, attempt: Int)
    case release(token: String, attempt: Int)
    /// Ask Redis whether it still has this connection.
    case lookUp(connection: Int64, attempt: Int)
    case lead(Term, because: Opportunity)
    case stepDown(EndOfTerm)
  }

  private enum State: Equatable {
    case idle
    case following(Following)
    case acquiring(Acquiring)
    case leading(Leading)
    case releasing(Releasing)
    case retired
  }

  private struct Following: Equatable {
    var holder: Holder
    var nextTry: Instant
    /// When to look next for the holder's connection, or to give up the look that is under way.
    var nextLook: Instant
    var isLooking = false
  }

  private struct Acquiring: Equatable {
    var token: String
    var replacing: Predecessor?
    var opportunity: Opportunity
    /// Nil between two tries.
    var sent: Instant?
    var nextTry: Instant
    /// The lease was given back while an answer was awaited. That answer may still tell of the time before.
    var isVacated = false
  }

  private struct Leading: Equatable {
    var term: Term
    /// When the last renewal that succeeded was sent: the lease lives at least `ttl` from there.
    var confirmed: Instant
    var sent: Instant?
    var nextTry: Instant
  }

  /// Giving the lease back, as often as it takes until it would have lapsed by itself.
  private struct Releasing: Equatable {
    var token: String
    var sent: Instant?
    var nextTry: Instant
    var until: Instant
  }

  private let timing: LeaseTiming
  private let makeToken: () -> String
  private var random: any RandomNumberGenerator
  private var state = State.idle
  /// The number of the last attempt; only its answer counts.
  private var attempt = 0
  /// Of all terms that were told of, ours too. A later one is greater, also on a server that has lost some of them.
  private(set) var greatestEpoch: Int64 = 0
  /// The holder whose connection was last found missing, and since when. A try for the lease in between does not forget
  /// it.
  private var missing: (holder: Holder, since: Instant)?

  /// - Parameter makeToken: gives 128 random bits as text, other ones each time.
  init(
    timing: LeaseTiming = LeaseTiming(), random: any RandomNumberGenerator = SystemRandomNumberGenerator(),
    makeToken: @escaping () -> String
  ) {
    self.timing = timing
    self.random = random
    self.makeToken = makeToken
  }

  /// The term in which this node may act as leader at `now`. What was true at the last event need not be true any more.
  func term(at now: Instant) -> Term? {
    guard case .leading(let leading) = state, now < termEnds(leading) else { return nil }
    return leading.term
  }

  /// When ``tick(at:)`` has something to do next; nil if never.
  var wakeUp: Instant? {
    switch state {
    case .idle, .retired: nil
    case .following(let following): min(following.nextTry, following.nextLook)
    case .acquiring(let acquiring): due(acquiring.sent, acquiring.nextTry)
    case .leading(let leading): min(termEnds(leading), due(leading.sent, leading.nextTry))
    case .releasing(let releasing): min(releasing.until, due(releasing.sent, releasing.nextTry))
    }
  }

  // MARK: - Events

  /// The node stands for election from now on.
  mutating func start(at now: Instant) -> [Action] {
    switch state {
    case .idle, .retired: [campaign(.lapsed, at: now)]
    // What is being given back is not ours any more, whatever the answer will be.
    case .releasing(let releasing): [campaign(.ownTermOver, replacing: Predecessor(token: releasing.token), at: now)]
    case .following, .acquiring, .leading: []
    }
  }

  /// The time has come to look what is due.
  mutating func tick(at now: Instant) -> [Action] {
    guard let wakeUp, wakeUp <= now else { return [] }
    switch state {
    case .idle, .retired: return []
    case .following(let following): return tick(following, at: now)
    case .acquiring(let acquiring):
      return acquiring.sent == nil ? [tryToAcquire(acquiring, at: now)] : failed(attempt: attempt, at: now)
    case .leading(let leading): return tick(leading, at: now)
    case .releasing(let releasing):
      if releasing.until <= now {
        state = .retired
        return []
      }
      return releasing.sent == nil ? [tryToRelease(releasing, at: now)] : failed(attempt: attempt, at: now)
    }
  }

  /// Redis says that the lease is ours.
  mutating func acquired(epoch: Int64, attempt: Int, at now: Instant) -> [Action] {
    greatestEpoch = max(greatestEpoch, epoch)
    guard isAwaited(attempt), case .acquiring(let acquiring) = state, let sent = acquiring.sent else { return [] }
    let leading = Leading(
      term: Term(token: acquiring.token, epoch: epoch), confirmed: sent, sent: nil,
      nextTry: sent + jittered(timing.renewal))
    // The answer came so late that the term may be over. A try with the same token refreshes it.
    guard now < termEnds(leading) else { return [tryToAcquire(acquiring, at: now)] }
    state = .leading(leading)
    return [.lead(leading.term, because: acquiring.opportunity)]
  }

  /// Redis says that the lease is another's for `remaining`.
  mutating func refused(holder: Holder, remaining: Duration, attempt: Int, at now: Instant) -> [Action] {
    greatestEpoch = max(greatestEpoch, holder.epoch)
    guard isAwaited(attempt), case .acquiring(let acquiring) = state, acquiring.sent != nil else { return [] }
    guard !acquiring.isVacated else { return [campaign(.vacated, at: now)] }
    state = .following(
      Following(
        holder: holder, nextTry: now + min(remaining + jittered(timing.retry), timing.look),
        nextLook: now + jittered(timing.lookUp)))
    return []
  }

  mutating func renewed(attempt: Int, at now: Instant) -> [Action] {
    guard isAwaited(attempt), case .leading(var leading) = state, let sent = leading.sent else { return [] }
    // Too late: the lease may have lapsed since.
    guard now < termEnds(leading) else { return endTerm(leading, .notRenewed, at: now) }
    (leading.confirmed, leading.sent, leading.nextTry) = (sent, nil, sent + jittered(timing.renewal))
    state = .leading(leading)
    return []
  }

  /// Redis says that the lease is not ours.
  mutating func lost(attempt: Int, at now: Instant) -> [Action] {
    guard isAwaited(attempt), case .leading(let leading) = state, leading.sent != nil else { return [] }
    return endTerm(leading, .lost, at: now)
  }

  /// A sweep was told that the lease is not its term's.
  mutating func fenced(token: String, at now: Instant) -> [Action] {
    guard case .leading(let leading) = state, leading.term.token == token else { return [] }
    return endTerm(leading, .lost, at: now)
  }

  mutating func released(attempt: Int) {
    guard isAwaited(attempt), case .releasing = state else { return }
    state = .retired
  }

  /// No answer, or none that says anything. What was asked may have happened.
  mutating func failed(attempt: Int, at now: Instant) -> [Action] {
    guard isAwaited(attempt) else { return [] }
    let nextTry = now + jittered(timing.retry)
    switch state {
    case .following(var following) where following.isLooking:
      (following.isLooking, following.nextLook) = (false, now + jittered(timing.lookUp))
      state = .following(following)
    case .acquiring(var acquiring) where acquiring.sent != nil:
      (acquiring.sent, acquiring.nextTry) = (nil, nextTry)
      state = .acquiring(acquiring)
    case .leading(var leading) where leading.sent != nil:
      (leading.sent, leading.nextTry) = (nil, nextTry)
      state = .leading(leading)
    case .releasing(var releasing) where releasing.sent != nil:
      (releasing.sent, releasing.nextTry) = (nil, nextTry)
      state = .releasing(releasing)
    default: break
    }
    return []
  }

  /// Redis says whether it still has the holder's connection.
  ///
  /// Once missing proves little: a link that was cut is made anew at once, and a renewal tells its new number.
  mutating func lookedUp(isPresent: Bool, attempt: Int, at now: Instant) -> [Action] {
    guard isAwaited(attempt), case .following(var following) = state, following.isLooking else { return [] }
    let holder = following.holder
    if isPresent {
      missing = nil
    } else if missing?.holder != holder {
      missing = (holder, now)
    }
    if let missing, now - missing.since >= timing.absence {
      let predecessor = Predecessor(token: holder.token, connection: holder.connection)
      return [campaign(.holderGone, replacing: predecessor, at: now)]
    }
    (following.isLooking, following.nextLook) = (false, now + jittered(timing.lookUp))
    state = .following(following)
    return []
  }

  /// The link to Redis is a new one. A leader tells its number at once, before the old one's absence counts.
  mutating func reconnected(at now: Instant) -> [Action] {
    guard case .leading(var leading) = state, leading.sent == nil else { return [] }
    leading.nextTry = now
    state = .leading(leading)
    return tick(at: now)
  }

  /// A holder has given the lease back: no need to wait for the next look.
  mutating func vacated(at now: Instant) -> [Action] {
    switch state {
    case .following: return [campaign(.vacated, at: now)]
    case .acquiring(var acquiring):
      acquiring.isVacated = true
      state = .acquiring(acquiring)
      return []
    case .idle, .leading, .releasing, .retired: return []
    }
  }

  /// The node is to lead no more, and gives back what it has.
  mutating func retire(at now: Instant) -> [Action] {
    switch state {
    case .idle, .following, .retired:
      state = .retired
      return []
    case .releasing: return []
    // It may be ours already, without our knowing.
    case .acquiring(let acquiring): return [tryToRelease(acquiring.token, at: now)]
    case .leading(let leading): return [.stepDown(.handedOver), tryToRelease(leading.term.token, at: now)]
    }
  }

  // MARK: - Steps

  private func termEnds(_ leading: Leading) -> Instant { leading.confirmed + timing.ttl - timing.margin }

  /// Whether an answer is to the last attempt: only that one counts.
  private func isAwaited(_ attempt: Int) -> Bool {
    assert(attempt <= self.attempt, "an answer comes after its attempt")
    return attempt == self.attempt
  }

  /// An attempt under way is given up in time; without one the next is due.
  private func due(_ sent: Instant?, _ nextTry: Instant) -> Instant { sent.map { $0 + timing.attempt } ?? nextTry }

  private mutating func tick(_ following: Following, at now: Instant) -> [Action] {
    guard now < following.nextTry else { return [campaign(.lapsed, at: now)] }
    guard !following.isLooking else { return failed(attempt: attempt, at: now) }
    attempt += 1
    var following = following
    (following.isLooking, following.nextLook) = (true, now + timing.attempt)
    state = .following(following)
    return [.lookUp(connection: following.holder.connection, attempt: attempt)]
  }

  private mutating func tick(_ leading: Leading, at now: Instant) -> [Action] {
    guard now < termEnds(leading) else { return endTerm(leading, .notRenewed, at: now) }
    guard leading.sent == nil else { return failed(attempt: attempt, at: now) }
    attempt += 1
    var leading = leading
    leading.sent = now
    state = .leading(leading)
    return [.renew(token: leading.term.token, attempt: attempt)]
  }

  /// Our own old term, if it is still in the lease, need not be waited for.
  private mutating func endTerm(_ leading: Leading, _ end: EndOfTerm, at now: Instant) -> [Action] {
    [.stepDown(end), campaign(.ownTermOver, replacing: Predecessor(token: leading.term.token), at: now)]
  }

  private mutating func campaign(
    _ opportunity: Opportunity, replacing: Predecessor? = nil, at now: Instant
  ) -> Action {
    tryToAcquire(
      Acquiring(token: makeToken(), replacing: replacing, opportunity: opportunity, sent: nil, nextTry: now), at: now)
  }

  private mutating func tryToAcquire(_ acquiring: Acquiring, at now: Instant) -> Action {
    attempt += 1
    var acquiring = acquiring
    acquiring.sent = now
    state = .acquiring(acquiring)
    return .acquire(token: acquiring.token, replacing: acquiring.replacing, attempt: attempt)
  }

  private mutating func tryToRelease(_ token: String, at now: Instant) -> Action {
    tryToRelease(Releasing(token: token, sent: nil, nextTry: now, until: now + timing.ttl), at: now)
  }

  private mutating func tryToRelease(_ releasing: Releasing, at now: Instant) -> Action {
    attempt += 1
    var releasing = releasing
    releasing.sent = now
    state = .releasing(releasing)
    return .release(token: releasing.token, attempt: attempt)
  }

  /// Give or take a tenth, so that nodes do not keep step.
  private mutating func jittered(_ duration: Duration) -> Duration {
    duration * Double.random(in: 0.9...1.1, using: &random)
  }
}
