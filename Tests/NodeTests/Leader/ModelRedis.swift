@testable import Node

/// A model of what Redis does for the election: the scripts `lease_*.lua`, the fence of `sweep.lua`, expiry, and
/// connection IDs.
struct ModelRedis {
  struct Record {
    var token: String
    var epoch: Int
    var connection: Int
    /// Milliseconds by Redis's clock. After this time the key is gone.
    var expires: Int
  }

  enum Command {
    case acquire(token: String, replacing: LeaseMachine.Predecessor?, connection: Int, epochSeen: Int)
    case renew(token: String, connection: Int)
    case release(token: String)
    case lookUp(connection: Int)
    case sweep(LeaseMachine.Term)
  }

  enum Verdict: Equatable {
    /// `isNew` is true if a new term has begun, and false if the caller's own term was refreshed.
    case acquired(epoch: Int, isNew: Bool)
    case held(LeaseMachine.Holder, remaining: Int)
    case ok
    case lost
    case isPresent(Bool)
    case fenced
    case late
  }

  private static let epochOfTheWorld = 1_700_000_000_000

  let mistake: LeaseMistake?
  private let ttl: Int
  /// How far Redis's clock is ahead of the world's, in milliseconds.
  var ahead = 0
  private var record: Record?
  private var epoch = 0
  private var connections: Set<Int> = []
  private var lastConnection = 0
  private(set) var starts = 0

  init(ttl: Duration, mistake: LeaseMistake?) {
    self.ttl = Int(ttl / .milliseconds(1))
    self.mistake = mistake
  }

  /// Epoch milliseconds at the world's `now` (in microseconds).
  func clock(at now: Int) -> Int { Self.epochOfTheWorld + now / 1000 + ahead }

  func lease(at now: Int) -> Record? {
    guard let record, clock(at: now) <= record.expires || mistake == .leaseNeverLapses else { return nil }
    return record
  }

  mutating func execute(_ command: Command, notAfter: Int, at now: Int) -> Verdict {
    if case .lookUp(let connection) = command { return .isPresent(connections.contains(connection)) }
    let clock = clock(at: now)
    if clock > notAfter, mistake != .notAfterIgnored { return .late }
    let lease = lease(at: now)
    switch command {
    case .acquire(let token, let replacing, let connection, let epochSeen):
      return acquire(token, replacing, connection, epochSeen, lease, clock)
    case .renew(let token, let connection):
      guard var lease, lease.token == token || mistake == .renewsForAnybody else { return .lost }
      (lease.connection, lease.expires) = (connection, clock + ttl)
      record = lease
      return .ok
    case .release(let token):
      guard let lease, lease.token == token || mistake == .releasesForAnybody else { return .lost }
      record = nil
      return .ok
    case .sweep(let term):
      return lease?.token == term.token || mistake == .noFence ? .ok : .fenced
    case .lookUp: return .lost
    }
  }

  private mutating func acquire(
    _ token: String, _ replacing: LeaseMachine.Predecessor?, _ connection: Int, _ epochSeen: Int, _ lease: Record?,
    _ clock: Int
  ) -> Verdict {
    if var lease, lease.token == token || lease.epoch >= epochSeen || mistake == .oldTermsReturn {
      if lease.token == token {
        lease.expires = clock + ttl
        record = lease
        return .acquired(epoch: lease.epoch, isNew: false)
      }
      guard isReplaced(lease, replacing) || mistake == .acquiresFromAnybody else {
        // Otherwise a clock that was set back would prolong a lease that nobody renews.
        lease.expires = min(lease.expires, clock + ttl)
        record = lease
        let holder = LeaseMachine.Holder(
          token: lease.token, epoch: Int64(lease.epoch), connection: Int64(lease.connection))
        return .held(holder, remaining: lease.expires - clock)
      }
    }
    switch mistake {
    case .epochStandsStill: epoch = max(epoch, 1)
    case .epochOnlyCounts: epoch += 1
    case .epochOfTheServerOnly: epoch = max(epoch + 1, clock)
    default: epoch = max(epoch + 1, epochSeen + 1, clock)
    }
    record = Record(token: token, epoch: epoch, connection: connection, expires: clock + ttl)
    return .acquired(epoch: epoch, isNew: true)
  }

  private func isReplaced(_ lease: Record, _ predecessor: LeaseMachine.Predecessor?) -> Bool {
    guard let predecessor else { return false }
    let isNamed = predecessor.token == lease.token || mistake == .replacesAnybody
    let isThere = predecessor.connection.map { Int($0) == lease.connection } ?? true
    return isNamed && (isThere || mistake == .replacesAnywhere)
  }

  // MARK: - Connections and data

  /// Returns the ID of a new connection. Other clients made `others` connections in between.
  mutating func connect(others: Int) -> Int {
    for _ in 0..<others {
      lastConnection += 1
      connections.insert(lastConnection)
    }
    lastConnection += 1
    connections.insert(lastConnection)
    return lastConnection
  }

  mutating func disconnect(_ connection: Int) {
    connections.remove(connection)
  }

  func knows(_ connection: Int) -> Bool { connections.contains(connection) }

  /// A replica replaces the master. It has the state `past` and its own clock and connections.
  mutating func failOver(to past: ModelRedis, ahead: Int) {
    starts += 1
    (record, epoch) = (past.record, past.epoch)
    (connections, lastConnection, self.ahead) = ([], 0, ahead)
  }

  /// Restarts Redis. All connections are lost, and their IDs start again.
  mutating func restart(losingLease: Bool, losingEpoch: Bool) {
    starts += 1
    connections = []
    lastConnection = 0
    if losingLease { record = nil }
    if losingEpoch { epoch = 0 }
  }
}
