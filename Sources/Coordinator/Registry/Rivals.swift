import Common

/// Other processes that announce themselves with the id of a node that is alive. They are not watched.
struct Rivals: Equatable, Sendable {
  struct Rival: Equatable, Sendable {
    let bootID: String
    let url: String
    let first: Moment
    fileprivate(set) var last: ContinuousClock.Instant
  }

  static let maxCount = 4
  /// Announcements come every two seconds. A rival that is silent for so long has given up.
  static let maxSilence = Duration.seconds(7)
  /// A node that was started again elsewhere is refused too, until the process before it is found dead. So a process is
  /// no rival before it has gone on for longer than that takes (``FailureDetectorTiming/worstDetection``).
  static let minInsistence = Duration.seconds(3)

  /// In the order in which they came.
  private(set) var all: [Rival] = []

  /// An announcement was refused.
  mutating func refused(bootID: String, url: String, at now: Moment) {
    forgetSilent(at: now.instant)
    if let known = all.firstIndex(where: { $0.bootID == bootID && $0.url == url }) {
      all[known].last = now.instant
    } else if all.count < Self.maxCount {
      all.append(Rival(bootID: bootID, url: url, first: now, last: now.instant))
    }
  }

  /// This process is the node now.
  mutating func taken(bootID: String, url: String) {
    all.removeAll { $0.bootID == bootID && $0.url == url }
  }

  mutating func forgetSilent(at now: ContinuousClock.Instant) {
    all.removeAll { now - $0.last > Self.maxSilence }
  }

  /// Those that keep announcing themselves.
  func insistent(at now: ContinuousClock.Instant) -> [Rival] {
    all.filter { $0.last - $0.first.instant >= Self.minInsistence && now - $0.last <= Self.maxSilence }
  }
}
