/// Those who look on, and when they are shown the next view. It has no clock of its own.
struct ViewBroadcast {
  typealias Instant = ContinuousClock.Instant

  /// The pause between two views if something has changed, and if not.
  static let (minPause, maxPause) = (Duration.milliseconds(250), Duration.seconds(1))

  private var onlookers: [Int: AsyncStream<ClusterView>.Continuation] = [:]
  private var lastOnlooker = 0
  private var lastShown: Instant
  private var hasNews = false
  private var isOver = false

  init(at now: Instant) {
    precondition(Self.minPause < Self.maxPause)
    lastShown = now
  }

  /// Adds an onlooker, who is shown this view at once.
  /// - Parameter gone: called with the onlooker's number when its views are no longer read.
  mutating func join(
    shown view: ClusterView, gone: @escaping @Sendable (Int) -> Void
  ) -> AsyncStream<ClusterView> {
    let (stream, continuation) = AsyncStream.makeStream(of: ClusterView.self, bufferingPolicy: .bufferingNewest(1))
    continuation.yield(view)
    guard !isOver else {
      continuation.finish()
      return stream
    }
    lastOnlooker += 1
    let number = lastOnlooker
    onlookers[number] = continuation
    continuation.onTermination = { _ in gone(number) }
    return stream
  }

  mutating func remove(_ onlooker: Int) { onlookers[onlooker] = nil }

  /// Something has changed that is worth showing soon.
  mutating func noteNews() { hasNews = true }

  /// When the next view is to be shown; nil if nobody looks on.
  var nextShowing: Instant? {
    onlookers.isEmpty ? nil : lastShown + (hasNews ? Self.minPause : Self.maxPause)
  }

  func isDue(at now: Instant) -> Bool { nextShowing.map { $0 <= now } ?? false }

  mutating func show(_ view: ClusterView, at now: Instant) {
    assert(now >= lastShown, "time does not go back")
    (lastShown, hasNews) = (now, false)
    for onlooker in onlookers.values { onlooker.yield(view) }
  }

  mutating func end() {
    isOver = true
    for onlooker in onlookers.values { onlooker.finish() }
    onlookers = [:]
  }
}
