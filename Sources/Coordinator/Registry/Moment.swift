import Common

/// One instant on both clocks: the monotonic one for waiting, that of the day for telling.
struct Moment: Equatable, Sendable {
  var instant: ContinuousClock.Instant
  var epochMilliseconds: Int64

  static var now: Moment { Moment(instant: .now, epochMilliseconds: WallClock.epochMilliseconds()) }
}
