import Common

/// Other processes that announce themselves with the id of a node that is alive. None of them is watched.
struct Rivals: Equatable, Sendable {
  struct Rival: Equatable, Sendable {
    let bootID: String
    let url: String
    let first: Moment
    fileprivate(set) var last: ContinuousClock.Instant
  }

  static let most = 4
  /// Announcements come every two seconds: who was not heard of for so long does not go on.
  static let memory = Duration.seconds(7)
  /// A node that was started again elsewhere is refused too, until the process before it is found dead: longer than
  /// that takes (see ``FailureDetectorTiming/worstDetection``), with an announcement every two seconds.
  static let patience = Duration.seconds(3)

  /// In the order in which they came.
  private(set) var all: [Rival] = []

  /// One was refused.
  mutating func refused(bootID: String, url: String, at now: Moment) {
    forgetSilent(at: now.instant)
    if let known = all.firstIndex(where: { $0.bootID == bootID && $0.url == url }) {
      all[known].last = now.instant
    } else if all.count < Self.most {
      all.append(Rival(bootID: bootID, url: url, first: now, last: now.instant))
    }
  }

  /// It is the node now.
  mutating func taken(bootID: String, url: String) {
    all.removeAll { $0.bootID == bootID && $0.url == url }
  }

  mutating func forgetSilent(at now: ContinuousClock.Instant) {
    all.removeAll { now - $0.last > Self.memory }
  }

  /// Those that go on announcing themselves.
  func insistent(at now: ContinuousClock.Instant) -> [Rival] {
    all.filter { $0.last - $0.first.instant >= Self.patience && now - $0.last <= Self.memory }
  }
}
