import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// How the audit counts a SKU, and what Redis's replies mean for the count.
@Suite struct AuditRepositoryTests {
  private static let sku = SKU(stored: "moka".utf8)

  /// A repository whose Redis replies as the test says.
  private final class Bench {
    let link = ScriptedLink()
    let repository: AuditRepository
    /// The replies to script calls, one by one.
    var replies: [String]
    /// The replies to all other commands.
    var answers: [String: ScriptedLink.Answer] = [
      "WATCH": .success(.status("OK")), "MULTI": .success(.status("OK")), "EXEC": .success(.array([])),
    ]
    /// How long each reply takes.
    var roundTrip = TimeAmount.milliseconds(10)

    init(_ replies: [String]) {
      self.replies = replies
      repository = StoreSession(scripts: ScriptLibrary(tuning: .init()), link: link).audit
      link.onSend = { [unowned self] command in
        link.at(link.loop.now + roundTrip) { [self] in play(command) }
      }
    }

    private func play(_ command: ScriptedLink.Command) {
      if let answer = answers[command.arguments[0]] { return command.answer(answer) }
      guard !replies.isEmpty else { return command.answer(.failure(.notSent(.offline))) }
      command.line(replies.removeFirst())
    }

    /// The count of the SKU within `limit` milliseconds.
    func count(within limit: Int64 = 900) -> Result<AuditRepository.Outcome, StoreFailure>? {
      let end = link.loop.now + .milliseconds(limit)
      let told = link.begin(repository) { repository throws(StoreFailure) in
        try await repository.count(AuditRepositoryTests.sku, until: end)
      }
      link.pass(10_000)
      return told.value
    }

    /// The sent commands: the first word of each, and for a script call its starting place.
    var sent: [String] {
      link.sent.map { $0.arguments[0] == "EVALSHA" ? "from \($0.arguments[5])" : $0.arguments[0] }
    }
  }

  /// The replies for 1200 entries, in three steps.
  private static let steps = [
    "OK 5 20 70 30 700 500 1 2 5 0 0 0 1", "OK 5 20 70 30 700 500 10 20 0 0 3 5 0",
    "OK 5 21 71 31 700 500 100 200 7 1 4 6 0",
  ]

  @Test func `what fits into one step is counted at one instant, and nothing is watched`() {
    let bench = Bench(["OK 5 1 2 3 312 200 6 7 8 9 10 11 12"])
    let count = AuditCount(
      available: 1, total: 2, sold: 3, holds: 312, sales: 200, unreadable: 9, active: 6, confirmed: 7, lapsed: 8,
      unrecorded: 10, misdated: 11, lapsing: 12)
    #expect(bench.count() == .success(.counted(count)))
    #expect(bench.link.sent.map { $0.arguments.dropFirst(4) } == [["moka", "0", "512"]])
  }

  @Test func `more is counted in steps, which add up, while Redis watches all keys of the SKU`() {
    let bench = Bench([Self.steps[0]] + Self.steps)
    let count = AuditCount(
      available: 21, total: 71, sold: 31, holds: 700, sales: 500, unreadable: 1, active: 111, confirmed: 222,
      lapsed: 12, unrecorded: 7, misdated: 11, lapsing: 1)
    #expect(bench.count() == .success(.counted(count)))
    #expect(bench.sent == ["from 0", "WATCH", "from 0", "from 512", "from 1024", "MULTI", "EXEC"])
    let keys = ["inventory:moka", "total:moka", "sold:moka", "holds:moka", "sales:moka"]
    #expect(bench.link[1].arguments == ["WATCH"] + keys)
    #expect(bench.link[5].sentAt == bench.link[6].sentAt, "nothing comes between them")
  }

  @Test func `what was counted is dropped if Redis says that something was touched`() {
    let bench = Bench([Self.steps[0]] + Self.steps)
    bench.answers["EXEC"] = .success(.null)
    #expect(bench.count() == .success(.changed))
  }

  @Test(
    arguments: [
      ("EXEC", .failure(.unknown(.linkLost)), .redis(.unknown(.linkLost))),
      ("EXEC", .failure(.notSent(.offline)), .redis(.notSent(.offline))),
      ("EXEC", .success(.error("EXECABORT")), .redis(.rejected(.other("EXECABORT")))),
      ("MULTI", .success(.error("NOPERM no")), .redis(.rejected(.other("NOPERM no")))),
    ] as [(String, ScriptedLink.Answer, StoreFailure)])
  func `where Redis does not say whether anything was touched, the count fails`(
    command: String, answer: ScriptedLink.Answer, failure: StoreFailure
  ) {
    let bench = Bench([Self.steps[0]] + Self.steps)
    bench.answers[command] = answer
    #expect(bench.count() == .failure(failure))
  }

  @Test func `a new connection has watched nothing: what was counted is dropped`() {
    let bench = Bench([Self.steps[0]] + Self.steps)
    bench.link.at(bench.link.loop.now + .milliseconds(25)) { [link = bench.link] in link.reconnects += 1 }
    #expect(bench.count() == .success(.changed))
  }

  @Test func `a SKU that is gone is told as such, and watched no longer`() {
    #expect(Bench(["GONE 5"]).count() == .success(.gone))
    let deleted = Bench([Self.steps[0], Self.steps[0], "GONE 5"])
    #expect(deleted.count() == .success(.gone))
    #expect(deleted.sent == ["from 0", "WATCH", "from 0", "from 512", "MULTI", "EXEC"])
  }

  @Test(
    arguments: [
      (0, []), (10, ["from 0"]), (11, ["from 0", "WATCH", "MULTI", "EXEC"]),
      (35, ["from 0", "WATCH", "from 0", "from 512", "MULTI", "EXEC"]),
    ] as [(Int64, [String])])
  func `out of time no further step is begun, and what is watched is let go`(limit: Int64, sent: [String]) {
    let bench = Bench([Self.steps[0]] + Self.steps)
    #expect(bench.count(within: limit) == .success(.outOfTime))
    #expect(bench.sent == sent)
  }

  @Test func `a step is waited for beyond the end, any other command from its sending on`() {
    let bench = Bench([Self.steps[0]] + Self.steps)
    let begin = bench.link.loop.now
    _ = bench.count()
    for (command, kind) in zip(bench.link.sent, bench.sent) {
      let end = kind.hasPrefix("from") ? begin + .milliseconds(900) : command.sentAt
      #expect(command.deadline == end + AuditRepository.patience, "\(kind)")
    }
  }

  @Test(arguments: [0, 1, 2])
  func `a failure ends the count`(steps: Int) {
    #expect(Bench(Array(repeating: Self.steps[0], count: steps)).count() == .failure(.redis(.notSent(.offline))))
  }

  @Test func `a watch that is refused, and a reply that means nothing, are failures`() {
    let refused = Bench([Self.steps[0]])
    refused.answers["WATCH"] = .success(.error("OOM no"))
    #expect(refused.count() == .failure(.redis(.rejected(.unwritable("OOM no")))))
    guard case .failure(.redis(.rejected(.other))) = Bench(["OK 5 1 2 3"]).count() else {
      Issue.record("a malformed reply was accepted")
      return
    }
  }

  @Test func `a step of the search tells where to go on, and what it has found`() {
    let bench = Bench(["OK 5 18446744073709551615 1 2 a b", "OK 5 x 1 2"])
    let found = [7, 0].map { (cursor: UInt64) in
      let told = bench.link.begin(bench.repository) { repository throws(StoreFailure) in
        try await repository.findUnlisted(from: cursor, deadline: .distantFuture)
      }
      bench.link.pass(10)
      return told.value
    }
    #expect(bench.link[0].arguments.dropFirst(4) == ["7", "500"])
    let skus = ["a", "b"].map { SKU(stored: $0.utf8) }
    #expect(found[0] == .success(.init(next: .max, unreadable: 1, lapsing: 2, skus: skus)))
    guard case .failure(.redis(.rejected(.other))) = found[1] else {
      Issue.record("a malformed reply was accepted")
      return
    }
  }
}
