import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import Store

/// The arguments of the scripts, and the meaning of their replies.
@Suite struct ReservationRepositoryTests {
  private static let wish = ReserveRequest(
    lines: [
      ReservationLine(sku: SKU(stored: "B".utf8), quantity: 2),
      ReservationLine(sku: SKU(stored: "A".utf8), quantity: 1),
    ],
    labels: Labels(customerID: Label("c")), ttlSeconds: 60)

  @Test func `the reserve script is given everything in its place`() {
    let bench = Bench()
    _ = bench.reserve(Self.wish, key: "k", answer: "OK 5 6")
    let id = bench.arguments[0]
    #expect(bench.sha == bench.scripts.reserve.script.sha && ReservationID(id) != nil)
    #expect(
      bench.arguments.dropFirst() == [
        "60", #","items":{"A":1,"B":2},"customerId":"c"}"#, "idem:reserve/-:k",
        "1\(Fingerprint(of: Self.wish.canonical).text) \(id) ", "A", "1", "B", "2",
      ])
    _ = bench.reserve(Self.wish, answer: "OK 5 6")
    #expect(bench.arguments[3...4] == ["", ""] && bench.arguments[0] != id)
  }

  @Test func `a hold is told with its instants`() throws {
    let bench = Bench()
    let told = bench.reserve(Self.wish, answer: "OK 1795337100123 1795337160123")
    let held = Reservation(
      id: try #require(ReservationID(bench.arguments[0])), status: .active, lines: Self.wish.lines,
      labels: Self.wish.labels,
      createdAt: 1_795_337_100_123, expiresAt: 1_795_337_160_123)
    #expect(told == .success(.held(held, isReplay: false)))
  }

  /// The contract: same status, same body byte for byte.
  @Test(arguments: UInt64(1)...20)
  func `a replay is the first answer, byte for byte`(seed: UInt64) {
    var random = SeededRandom(seed)
    let (first, second) = (Bench(), Bench())
    let wish = random.reserveRequest()
    let original = first.reserve(wish, key: "k", answer: "OK 1795337100123 1795337160123")
    // The record of reserve.lua: its argument and the two instants.
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

  @Test func `the record of another request means that the key was reused`() {
    let other = "PRIOR 9 " + IdempotencyRecord.head(Fingerprint(of: "other")) + "9tKc2VbQ0yXh4LrJmA7sEw 5 6"
    #expect(Bench().reserve(Self.wish, key: "k", answer: other) == .success(.keyReused))
    #expect(Bench().checkOut(.confirm, ReservationID(), key: "k", answer: other) == .success(.keyReused))
  }

  @Test func `refusals of a reserve bring their facts`() {
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
  func `a reply that means nothing to a reserve is a defect`(line: String) {
    // The effect is unknown.
    guard case .failure(.redis(.unknown(.scriptFailed))) = Bench().reserve(Self.wish, answer: line) else {
      Issue.record("a malformed reply was accepted")
      return
    }
  }

  @Test(
    arguments: [
      (.confirm, "EXPIRED 5", .refused(.expired)), (.confirm, "CANCELLED 5", .refused(.cancelled)),
      (.confirm, "GONE 5", .gone), (.cancel, "CONFIRMED 5", .refused(.confirmed)), (.cancel, "GONE 5", .gone),
      (.extend(ttlSeconds: 60), "EXPIRED 5", .refused(.expired)),
      (.extend(ttlSeconds: 60), "CANCELLED 5", .refused(.cancelled)),
      (.extend(ttlSeconds: 60), "CONFIRMED 5", .refused(.confirmed)), (.extend(ttlSeconds: 60), "GONE 5", .gone),
      (.extend(ttlSeconds: 60), "LIMIT 5", .holdLimit),
    ] as [(ReservationRepository.CheckoutStep, String, ReservationRepository.CheckoutOutcome)])
  func `refusals of a step are told`(
    step: ReservationRepository.CheckoutStep, line: String, outcome: ReservationRepository.CheckoutOutcome
  ) {
    #expect(Bench().checkOut(step, ReservationID(), answer: line) == .success(outcome))
  }

  @Test(
    arguments: [
      (.confirm, "CONFIRMED 5"), (.confirm, "LIMIT 5"), (.cancel, "EXPIRED 5"), (.cancel, "CANCELLED 5"),
      (.cancel, "LIMIT 5"), (.extend(ttlSeconds: 60), "SHORT 5"), (.extend(ttlSeconds: 60), "OK 5 no record"),
    ] as [(ReservationRepository.CheckoutStep, String)])
  func `a reply that means nothing to a step is a defect`(step: ReservationRepository.CheckoutStep, line: String) {
    guard case .failure(.redis(.unknown(.scriptFailed))) = Bench().checkOut(step, ReservationID(), answer: line) else {
      Issue.record("a malformed reply was accepted")
      return
    }
  }

  @Test func `a step is told with the record as it is now, and repeated as it was then`() {
    var random = SeededRandom(5)
    for _ in 0..<50 {
      let reservation = random.reservation()
      let record = String(decoding: reservation.record, as: UTF8.self)
      #expect(
        Bench().checkOut(.confirm, reservation.id, answer: "OK 5 \(record)")
          == .success(.done(reservation, isReplay: false)))
      // The age does not matter: a repeated request gets the hold as it was before the extension.
      let prior = IdempotencyRecord.head(Fingerprint(of: reservation.id.text)) + record
      #expect(
        Bench().checkOut(
          Self.step(to: reservation.status), reservation.id, key: "k", answer: "PRIOR 9999999999999 \(prior)")
          == .success(.done(reservation, isReplay: true)))
    }
  }

  private static func step(to status: Reservation.Status) -> ReservationRepository.CheckoutStep {
    switch status {
    case .active: .extend(ttlSeconds: 60)
    case .confirmed: .confirm
    case .cancelled, .expired: .cancel
    }
  }

  @Test(arguments: [
    "1795337100123 1795337100122", "1795337100123 1795337100123", "1795337100123 1795340700124",
    "9999999990000 9999999999999", "1795337100123 1795337160123 x", "1795337100123", "x 1795337160123",
  ])
  func `a replay of instants that no hold can have is damage`(instants: String) {
    let record = IdempotencyRecord.head(Fingerprint(of: Self.wish.canonical)) + "9tKc2VbQ0yXh4LrJmA7sEw " + instants
    let bench = Bench()
    #expect(
      bench.reserve(Self.wish, key: "k", answer: "PRIOR 1795337200000 \(record)")
        == .failure(.damaged(StoreDamage(key: "idem:reserve/-:k"))))
    #expect(bench.link.sent.count == 1)
  }

  @Test(
    arguments: [
      (.confirm, .active, 0), (.confirm, .cancelled, 0), (.cancel, .active, 0), (.cancel, .confirmed, 0),
      (.extend(ttlSeconds: 1), .expired, 0), (.extend(ttlSeconds: 1), .confirmed, 0), (.confirm, .confirmed, year2286),
      (.cancel, .expired, year2286), (.extend(ttlSeconds: 1), .active, year2286),
    ] as [(ReservationRepository.CheckoutStep, Reservation.Status, Int64)])
  func `a replay of a step that it cannot have come to is damage`(
    step: ReservationRepository.CheckoutStep, status: Reservation.Status, later: Int64
  ) {
    let ended: Int64? = status == .active ? nil : 1_795_337_160_123 + later
    let reservation = Reservation(
      id: ReservationID(), status: status, lines: Self.wish.lines, labels: Labels(),
      createdAt: 1_795_337_100_123 + later, expiresAt: 1_795_337_160_123 + later, endedAt: ended)
    let record =
      IdempotencyRecord.head(Fingerprint(of: reservation.id.text))
      + String(decoding: reservation.record, as: UTF8.self)
    #expect(
      Bench().checkOut(step, reservation.id, key: "k", answer: "PRIOR 1795337200000 \(record)")
        == .failure(.damaged(StoreDamage(key: "idem:reserve/-:k"))))
  }

  private static let year2286: Int64 = 8_200_000_000_000

  @Test func `steps give their scripts what they need`() {
    let bench = Bench()
    let id = ReservationID()
    let steps: [(ReservationRepository.CheckoutStep, Script, [String])] = [
      (.confirm, bench.scripts.confirm.script, []), (.cancel, bench.scripts.cancel.script, []),
      (.extend(ttlSeconds: 90), bench.scripts.extend.script, ["90"]),
    ]
    for (step, script, rest) in steps {
      _ = bench.checkOut(step, id, answer: "GONE 5")
      #expect(bench.sha == script.sha && bench.arguments == [id.text, "", ""] + rest)
    }
  }

  @Test func `a reservation is read as of Redis's time`() {
    let bench = Bench()
    var reservation = Reservation(
      id: ReservationID(), status: .active, lines: Self.wish.lines, labels: Labels(), createdAt: 1_795_337_100_123,
      expiresAt: 1_795_337_160_123)
    let record = String(decoding: reservation.record, as: UTF8.self)
    var told: [Result<Reservation?, StoreFailure>] = []
    for answer in ["OK 1795337160122 \(record)", "OK 1795337160123 \(record)", "GONE 5"] {
      bench.repository.read(reservation.id, deadline: .now()) { told.append($0) }
      bench.link.last.line(answer)
    }
    let held = reservation
    reservation.status = .expired
    reservation.endedAt = reservation.expiresAt
    #expect(told == [.success(held), .success(reservation), .success(nil)])
    #expect(bench.sha == bench.scripts.readReservation.script.sha && bench.arguments == [reservation.id.text])
  }
}

private typealias Bench = RepositoryBench<ReservationRepository>

extension Bench {
  fileprivate convenience init() { self.init(\.reservations) }

  fileprivate func reserve(
    _ wish: ReserveRequest, key: String? = nil, answer line: String
  ) -> Result<ReservationRepository.ReserveOutcome, StoreFailure>? {
    told(line) {
      repository.reserve(
        wish.lines, labels: wish.labels, ttlSeconds: wish.ttlSeconds ?? 300, write: write(key, wish.canonical),
        completion: $0)
    }
  }

  fileprivate func checkOut(
    _ step: ReservationRepository.CheckoutStep, _ id: ReservationID, key: String? = nil, answer line: String
  ) -> Result<ReservationRepository.CheckoutOutcome, StoreFailure>? {
    told(line) { repository.checkOut(step, id, write: write(key, id.text), completion: $0) }
  }

  private func write(_ key: String?, _ canonical: String) -> Write {
    Write(
      key: key.map { IdempotencyKey(operation: "reserve", caller: "-", text: $0) },
      fingerprint: key.map { _ in Fingerprint(of: canonical) }, arrival: link.loop.now)
  }
}
