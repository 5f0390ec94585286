/// What Sentinels say together. Pure.
struct SentinelVote {
  /// The server that most of all Sentinels name, whether they have answered or not; nil for none.
  let master: ServerAddress?

  /// - Parameters:
  ///   - named: the master, by the Sentinels that have answered.
  ///   - count: of all Sentinels.
  init(_ named: [ServerAddress: ServerAddress], of count: Int) {
    assert(named.count <= count, "a Sentinel answers once")
    var votes: [ServerAddress: Int] = [:]
    for address in named.values { votes[address, default: 0] += 1 }
    master = votes.first { 2 * $0.value > count }?.key
  }
}
