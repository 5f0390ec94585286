import NIOCore
import TestSupport
import Testing

@testable import Node

/// What the scripts are given, and what their replies mean.
@Suite struct ReservationRepositoryTests {
  private static let wish = ReserveRequest(
    lines: [
      ReservationLine(sku: SKU(stored: "B".utf8), quantity: 2),
      ReservationLine(sku: SKU(stored: "A".utf8), quantity: 1),
    ],
    customerID: "c", reference: nil, ttlSeconds: 60)

  @Test func theReserveScriptIsGivenEverythingInItsPlace() {
    let bench = Bench()
    _ = bench.reserve(Self.wish, key: "k", answer: "OK 5 6")
    let id = bench.arguments[0]
    #expect(bench.sha == bench.scripts.reserve.sha && ReservationID(id) != nil)
    #expect(
      bench.arguments.dropFirst() == [
        "60", #","items":{"A":1,"B":2},"customerId":"c"}"#, "idem:reserve/-:k",
        "1\(Fingerprint(of: Self.wish.canonical).text) \(id) ", "A", "1", "B", "2",
      ])
    _ = bench.reserve(Self.wish, answer: "OK 5 6")
    #expect(bench.arguments[3...4] == ["", ""] && bench.arguments[0] != id)
  }

  @Test func aHoldIsToldWithItsInstants() throws {
    let bench = Bench()
    let told = bench.reserve(Self.wish, answer: "OK 1795337100123 1795337160123")
    let held = Reservation(
      id: try #require(ReservationID(bench.arguments[0])), status: .active, lines: Self.wish.lines,
      labels: Self.wish.labels,
      createdAt: 1_795_337_100_123, expiresAt: 1_795_337_160_123)
    #expect(told == .success(.held(held, isReplay: false)))
  }

  /// api.md: same status, same body byte for byte.
  @Test(arguments: UInt64(1)...20)
  func aReplayIsTheFirstAnswerByteForByte(seed: UInt64) {
    var random = SeededRandom(seed)
    let (first, second) = (Bench(), Bench())
    let wish = random.reserveRequest()
    let original = first.reserve(wish, key: "k", answer: "OK 1795337100123 1795337160123")
    // As reserve.lua records it: what it was given, and the two instants.
    let record = first.arguments[4] + "1795337100123 1795337160123"
    let repeated = second.reserve(wish, key: "k", answer: "PRIOR 1795337999999 \(record)")
    guard case .success(.held(let held, isReplay: false)) = original,
      case .success(.held(let replayed, isReplay: true)) = repeated
    else {
      Issue.record("no replay of a hold")
      return
    }
    #expect(replayed == held && replayed.document == held.document)
  }

  @Test func theRecordOfAnotherRequestMeansThatTheKeyWasReused() {
    let other = "PRIOR 9 " + IdempotencyRecord.head(Fingerprint(of: "other")) + "9tKc2VbQ0yXh4LrJmA7sEw 5 6"
    #expect(Bench().reserve(Self.wish, key: "k", answer: other) == .success(.keyReused))
    #expect(Bench().checkOut(.confirm, ReservationID(), key: "k", answer: other) == .success(.keyReused))
  }

  @Test func refusalsOfAReserveBringTheirFacts() {
    let (a, b) = (SKU(stored: "A".utf8), SKU(stored: "B".utf8))
    #expect(Bench().reserve(Self.wish, answer: "UNKNOWN 5 A B") == .success(.unknown([a, b])))
    #expect(Bench().reserve(Self.wish, answer: "DUE 5 B") == .success(.due([b])))
    let shortages = [
      Shortage(sku: a, requested: 1, available: 0, reserved: 7, nextReleaseAt: 99),
      Shortage(sku: b, requested: 2, available: 1, reserved: 0, nextReleaseAt: nil),
    ]
    #expect(Bench().reserve(Self.wish, answer: "SHORT 5 A 0 7 99 B 1 0 -") == .success(.short(shortages, now: 5)))
  }

  @Test(arguments: ["OK 5", "OK 5 x", "GONE 5", "EXPIRED 5", "LIMIT 5 1"])
  func aReplyThatMeansNothingToAReserveIsADefect(line: String) {
    guard case .failure(.rejected(.other)) = Bench().reserve(Self.wish, answer: line) else {
      Issue.record("taken for something")
      return
    }
  }

  @Test(arguments: [
    ("EXPIRED 5", ReservationRepository.CheckoutOutcome.refused(.expired)), ("CANCELLED 5", .refused(.cancelled)),
    ("CONFIRMED 5", .refused(.confirmed)), ("GONE 5", .gone), ("LIMIT 5", .holdLimit),
  ])
  func refusalsOfAStepAreTold(line: String, outcome: ReservationRepository.CheckoutOutcome) {
    #expect(Bench().checkOut(.cancel, ReservationID(), answer: line) == .success(outcome))
  }

  @Test func aStepIsToldWithTheRecordAsItIsNowAndRepeatedAsItWasThen() {
    var random = SeededRandom(5)
    for _ in 0..<50 {
      let reservation = random.reservation()
      let record = String(decoding: reservation.record, as: UTF8.self)
      #expect(
        Bench().checkOut(.confirm, reservation.id, answer: "OK 5 \(record)")
          == .success(.done(reservation, isReplay: false)))
      // However long ago: an extended hold is repeated as the hold it was.
      let prior = IdempotencyRecord.head(Fingerprint(of: reservation.id.text)) + record
      #expect(
        Bench().checkOut(.confirm, reservation.id, key: "k", answer: "PRIOR 9999999999999 \(prior)")
          == .success(.done(reservation, isReplay: true)))
    }
  }

  @Test func stepsGiveTheirScriptsWhatTheyNeed() {
    let bench = Bench()
    let id = ReservationID()
    let steps: [(ReservationRepository.CheckoutStep, Script, [String])] = [
      (.confirm, bench.scripts.confirm, []), (.cancel, bench.scripts.cancel, []),
      (.extend(ttlSeconds: 90), bench.scripts.extend, ["90"]),
    ]
    for (step, script, rest) in steps {
      _ = bench.checkOut(step, id, answer: "GONE 5")
      #expect(bench.sha == script.sha && bench.arguments == [id.text, "", ""] + rest)
    }
  }

  @Test func aReservationIsReadAsOfRedissTime() {
    let bench = Bench()
    var reservation = Reservation(
      id: ReservationID(), status: .active, lines: Self.wish.lines, labels: ByteBuffer(), createdAt: 1_795_337_100_123,
      expiresAt: 1_795_337_160_123)
    let record = String(decoding: reservation.record, as: UTF8.self)
    var told: [Result<Reservation?, RedisFailure>] = []
    for answer in ["OK 1795337160122 \(record)", "OK 1795337160123 \(record)", "GONE 5"] {
      bench.repository.read(reservation.id, deadline: .now()) { told.append($0) }
      bench.link.last.line(answer)
    }
    let held = reservation
    reservation.status = .expired
    reservation.endedAt = reservation.expiresAt
    #expect(told == [.success(held), .success(reservation), .success(nil)])
    #expect(bench.sha == bench.scripts.readReservation.sha && bench.arguments == [reservation.id.text])
  }
}

private typealias Bench = RepositoryBench<ReservationRepository>

extension Bench {
  fileprivate convenience init() { self.init(ReservationRepository.init) }

  fileprivate func reserve(
    _ wish: ReserveRequest, key: String? = nil, answer line: String
  ) -> Result<ReservationRepository.ReserveOutcome, RedisFailure>? {
    told(line) {
      repository.reserve(
        wish.lines, labels: wish.labels, ttlSeconds: wish.ttlSeconds ?? 300, write: write(key, wish.canonical),
        completion: $0)
    }
  }

  fileprivate func checkOut(
    _ step: ReservationRepository.CheckoutStep, _ id: ReservationID, key: String? = nil, answer line: String
  ) -> Result<ReservationRepository.CheckoutOutcome, RedisFailure>? {
    told(line) { repository.checkOut(step, id, write: write(key, id.text), completion: $0) }
  }

  private func write(_ key: String?, _ canonical: String) -> ReservationRepository.Write {
    CallContext(caller: "-", keyText: key, arrival: link.loop.now).write(.reserve, canonical: canonical)
  }
}
