/// All that clients were told, and what they asked for.
struct CartRecord {
  /// By reservation: its key and request.
  var requests: [Int: (key: Int?, request: Int)] = [:]
  /// Lines of each cart by shard.
  var lines: [Int: [Int: [String: Int]]] = [:]
  /// Reservations that a client was told it holds.
  var held: Set<Int> = []
  /// Those that it was told are confirmed, or cancelled.
  var confirmed: Set<Int> = []
  var cancelled: Set<Int> = []
  /// By key: the requests that were acknowledged.
  var acknowledged: [Int: Set<Int>] = [:]
  /// Whoever was told no last, and asked no more.
  var refused: [(key: Int, request: Int)] = []
  /// Answers that said that the key was used for another request, and for which.
  var used: [(key: Int, request: Int)] = []
  /// Carts whose parts did not follow in time.
  var laggards: [Int] = []

  /// To tell whether a run proves something.
  var tally = Tally()

  struct Tally {
    var carts = 0
    var confirmed = 0
    var refused = 0
    var unknown = 0
    var contended = 0
    var orphans = 0

    static func += (sum: inout Tally, one: Tally) {
      sum.carts += one.carts
      sum.confirmed += one.confirmed
      sum.refused += one.refused
      sum.unknown += one.unknown
      sum.contended += one.contended
      sum.orphans += one.orphans
    }
  }
}
