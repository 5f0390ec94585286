/// The majority answer of the Sentinels. Pure.
struct SentinelVote {
  /// The server that more than half of all Sentinels name. Those without an answer count too. Nil if there is none.
  let master: ServerAddress?

  /// - Parameters:
  ///   - named: for each Sentinel that answered, the master it named.
  ///   - count: the number of all Sentinels.
  init(_ named: [ServerAddress: ServerAddress], of count: Int) {
    assert(named.count <= count, "a Sentinel answers once")
    var votes: [ServerAddress: Int] = [:]
    for address in named.values { votes[address, default: 0] += 1 }
    master = votes.first { 2 * $0.value > count }?.key
  }
}
