import Testing

/// What a failover may leave behind, and what it may not.
struct JudgeTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let name: String
    var missing: [String: Int] = [:]
    var misled = 0
    var breaches: Set<Verdict.Rule> = []
    let write: @Sendable (inout LittleHistory) -> Void

    var testDescription: String { name }

    var verdict: Verdict {
      var history = LittleHistory()
      write(&history)
      return history.verdict
    }
  }

  @Test(arguments: Self.legal + Self.losses + Self.impossible)
  func `each history is judged as it stands in the table`(row: Row) {
    let verdict = row.verdict
    #expect(verdict.missing.mapValues(\.count) == row.missing)
    #expect(verdict.misled.count == row.misled)
    #expect(Set(verdict.impossible.map(\.rule)) == row.breaches, "\(verdict.impossible)")
  }

  @Test(arguments: Verdict.Rule.allCases)
  func `each rule can be broken by itself`(rule: Verdict.Rule) {
    #expect(Self.impossible.contains { $0.breaches == [rule] })
  }

  @Test func `a verdict is told in one line`() throws {
    let row = try #require(Self.losses.last)
    #expect(row.verdict.summary == "2 changes acknowledged, 2 lost (1 confirm, 1 reserve), 0 misled")
    #expect(Verdict().summary == "0 changes acknowledged, none lost, 0 misled")
  }

  // MARK: - Nothing is wrong

  static let legal = [
    Row(name: "held, and still so") {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.held("a"))
    },
    Row(name: "expired when it was due") {
      $0.ask(.reserve, (100, .held("a", until: 3000)))
      $0.has(.expired("a", at: 3000))
    },
    Row(name: "overdue, and not swept yet") {
      $0.ask(.reserve, (100, .held("a", until: 3000)))
      $0.has(.held("a", until: 3000))
    },
    Row(name: "confirmed; the key was told so again after the failover") {
      $0.ask(.reserve, (100, .held("a")), (2500, .held("a")))
      $0.ask(.confirm(of: "k"), (200, .confirmed("a", at: 195)), (2600, .confirmed("a", at: 195)))
      $0.has(.confirmed("a", at: 195))
    },
    Row(name: "extended") {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.extend(of: "k"), (200, .held("a", until: 90_000)))
      $0.has(.held("a", until: 90_000))
    },
    Row(name: "cancelled, and the piece held by another one") {
      $0.ask(.reserve, pieces: 3, (100, .held("a")))
      $0.ask(.cancel(of: "k"), pieces: 3, (200, .cancelled("a", at: 195)))
      $0.reserve("other", pieces: 3, (210, .held("b")))
      $0.has(.cancelled("a", at: 195), pieces: 3)
      $0.has(.held("b"), key: "other", pieces: 3)
    },
    Row(name: "told expired by its cancel") {
      $0.ask(.reserve, (100, .held("a", until: 300)))
      $0.ask(.cancel(of: "k"), (400, .expired("a", at: 300)))
      $0.has(.held("a", until: 300))
    },
    Row(name: "expired, and the piece held by another one before a cancel came") {
      $0.ask(.reserve, pieces: 3, (100, .held("a", until: 300)))
      $0.ask(.cancel(of: "k"), pieces: 3, (400, .expired("a", at: 300)))
      $0.reserve("other", pieces: 3, (350, .held("b")))
      $0.has(.expired("a", at: 300), pieces: 3)
      $0.has(.held("b"), key: "other", pieces: 3)
    },
    Row(name: "a reserve of unknown outcome that was done") {
      $0.ask(.reserve, (1100, .unknown))
      $0.has(.held("a"))
    },
    Row(name: "a reserve of unknown outcome that was not done") {
      $0.ask(.reserve, (1100, .unknown), (1200, .nothing))
    },
    Row(name: "a confirm without an answer that was done") {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (1100, .nothing), (1200, .tryAgain))
      $0.has(.confirmed("a", at: 1095))
    },
    Row(name: "an extension of unknown outcome that was done") {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.extend(of: "k"), (1100, .unknown))
      $0.has(.held("a", until: 91_095))
    },
    Row(name: "refused, and not there") {
      $0.ask(.reserve, (100, .refused(409, "insufficient-stock")))
      $0.reserve("other", (100, .tryAgain), (200, .tryAgain))
    },
    Row(name: "refused at first, and done by a later attempt") {
      $0.ask(.reserve, (100, .refused(409, "insufficient-stock")), (2500, .held("a")))
      $0.has(.held("a"))
    },
  ]

  // MARK: - Lost by a failover

  static let losses = [
    Row(name: "a reserve", missing: ["reserve": 1]) { $0.ask(.reserve, (1500, .held("a"))) },
    Row(name: "a reserve that its key has made again", missing: ["reserve": 1]) {
      $0.ask(.reserve, (1500, .held("a")), (2500, .held("b")))
      $0.has(.held("b"))
    },
    Row(name: "a confirm", missing: ["confirm": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (1500, .confirmed("a", at: 1495)))
      $0.has(.held("a"))
    },
    Row(name: "a confirm that its key has made again", missing: ["confirm": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (1500, .confirmed("a", at: 1495)), (2500, .confirmed("a", at: 2495)))
      $0.has(.confirmed("a", at: 2495))
    },
    Row(name: "a confirm of what has expired since", missing: ["confirm": 1]) {
      $0.ask(.reserve, (100, .held("a", until: 3000)))
      $0.ask(.confirm(of: "k"), (1500, .confirmed("a", at: 1495)), (3500, .refused(410, "reservation-expired")))
      $0.has(.expired("a", at: 3000))
    },
    Row(name: "a cancel", missing: ["cancel": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.cancel(of: "k"), (1500, .cancelled("a", at: 1495)))
      $0.has(.held("a"))
    },
    Row(name: "an extension", missing: ["extend": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.extend(of: "k"), (1500, .held("a", until: 91_490)))
      $0.has(.held("a"))
    },
    Row(name: "an extension that its key has made again", missing: ["extend": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.extend(of: "k"), (1500, .held("a", until: 91_490)), (2500, .held("a", until: 92_490)))
      $0.has(.held("a", until: 92_490))
    },
    Row(name: "one of two ends, told by two masters at a time", missing: ["cancel": 1]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (1500, .confirmed("a", at: 1495)))
      $0.ask(.cancel(of: "k"), (1600, .cancelled("a", at: 1595)))
      $0.has(.confirmed("a", at: 1495))
    },
    Row(name: "nothing, but the past master knew nothing of it", misled: 1) {
      $0.ask(.reserve, (1500, .held("a")))
      $0.ask(.confirm(of: "k"), (1600, .confirmed("a", at: 1595)), (1700, .refused(404, "unknown-reservation")))
      $0.has(.confirmed("a", at: 1595))
    },
    Row(name: "what was held, and so could be held again", missing: ["reserve": 1]) {
      $0.ask(.reserve, pieces: 3, (1500, .held("a")))
      $0.reserve("other", pieces: 3, (2500, .held("b")))
      $0.has(.held("b"), key: "other", pieces: 3)
    },
    Row(name: "a reserve and its confirm", missing: ["reserve": 1, "confirm": 1]) {
      $0.ask(.reserve, (1500, .held("a")))
      $0.ask(.confirm(of: "k"), (1600, .confirmed("a", at: 1595)), (2500, .refused(404, "unknown-reservation")))
    },
  ]

  // MARK: - Never

  static let impossible = [
    Row(name: "a piece too few in stock", breaches: [.balancedBooks]) { $0.miscount = { $0.available -= 1 } },
    Row(name: "a negative stock", breaches: [.balancedBooks]) {
      $0.reserve("one", pieces: 3, (1500, .unknown))
      $0.reserve("two", pieces: 3, (1500, .unknown))
      $0.has(.held("a"), key: "one", pieces: 3)
      $0.has(.held("b"), key: "two", pieces: 3)
    },
    Row(name: "another total", breaches: [.balancedBooks]) {
      $0.miscount = { ($0.total, $0.available) = ($0.total + 1, $0.available + 1) }
    },
    Row(name: "all pieces held twice at one instant, though not in the end", breaches: [.neverOversold]) {
      $0.ask(.reserve, pieces: 3, (100, .held("a")))
      $0.ask(.cancel(of: "k"), pieces: 3, (300, .cancelled("a", at: 295)))
      $0.reserve("other", pieces: 3, (200, .held("b")))
      $0.has(.cancelled("a", at: 295), pieces: 3)
      $0.has(.held("b"), key: "other", pieces: 3)
    },
    Row(name: "all pieces sold, and held before the hold was due", breaches: [.neverOversold]) {
      $0.ask(.reserve, pieces: 3, (100, .held("a", until: 3000)))
      $0.reserve("other", pieces: 3, (2900, .held("b")))
      $0.has(.expired("a", at: 3000), pieces: 3)
      $0.has(.held("b"), key: "other", pieces: 3)
    },
    Row(name: "a key that is refused what it has, long after the failover", breaches: [.sameAnswer]) {
      $0.ask(.reserve, (100, .held("a")), (2500, .refused(409, "insufficient-stock")))
      $0.has(.held("a"))
    },
    Row(name: "a key that is told other bytes of the same reservation", breaches: [.sameAnswer]) {
      $0.ask(.reserve, (100, .held("a")), (2500, .held("a", until: 70_000)))
      $0.has(.held("a"))
    },
    Row(name: "a confirm that is told too late, after it was granted", breaches: [.sameAnswer]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (200, .confirmed("a", at: 195)), (2500, .refused(410, "reservation-expired")))
      $0.has(.confirmed("a", at: 195))
    },
    Row(name: "two reservations of one key", breaches: [.sameAnswer, .oneEffect]) {
      $0.ask(.reserve, (1500, .held("a")), (2500, .held("b")))
      $0.has(.held("a"))
      $0.has(.held("b"))
    },
    Row(name: "two reservations of one key, of which one was told", breaches: [.oneEffect]) {
      $0.ask(.reserve, (1100, .unknown), (1500, .held("b")))
      $0.has(.held("a"))
      $0.has(.held("b"))
    },
    Row(name: "two ends, both told when all was well", breaches: [.oneEnd]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (200, .confirmed("a", at: 195)))
      $0.ask(.cancel(of: "k"), (300, .cancelled("a", at: 295)))
      $0.has(.cancelled("a", at: 295))
    },
    Row(name: "a reserve that was told before the failover is gone", breaches: [.kept]) {
      $0.ask(.reserve, (900, .held("a")))
    },
    Row(name: "a confirm that was told again after the failover is gone", breaches: [.kept]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.confirm(of: "k"), (1500, .confirmed("a", at: 1495)), (2500, .confirmed("a", at: 1495)))
      $0.has(.held("a"))
    },
    Row(name: "a reserve that was refused is there", breaches: [.noPhantom]) {
      $0.ask(.reserve, (100, .tryAgain), (200, .refused(409, "insufficient-stock")))
      $0.has(.held("a"))
    },
    Row(name: "a reserve of unknown outcome is there, though it was refused since", breaches: [.noPhantom]) {
      $0.ask(.reserve, (1100, .unknown), (2500, .refused(409, "insufficient-stock")))
      $0.has(.held("a"))
    },
    Row(name: "a reservation that nobody asked for", breaches: [.noPhantom]) { $0.has(.held("a")) },
    Row(name: "sold without a confirm", breaches: [.asked]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.confirmed("a", at: 1500))
    },
    Row(name: "cancelled, though the cancel was told not to be done", breaches: [.asked]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.ask(.cancel(of: "k"), (1500, .tryAgain))
      $0.has(.cancelled("a", at: 1495))
    },
    Row(name: "expired before its deadline", breaches: [.notEarly]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.expired("a"))
    },
    Row(name: "another quantity than was told", breaches: [.unaltered]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.held("a"), pieces: 2)
    },
    Row(name: "a deadline that nobody was told", breaches: [.unaltered]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.held("a", until: 70_000))
    },
    Row(name: "a shorter deadline than was told", breaches: [.unaltered]) {
      $0.ask(.reserve, (100, .held("a")))
      $0.has(.held("a", until: 3000))
    },
  ]
}
