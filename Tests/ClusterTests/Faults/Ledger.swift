import TestSupport
import Testing

/// The purpose of one key, and all answers to it.
struct LedgerEntry: Sendable {
  enum Purpose: Sendable, Equatable {
    case reserve
    /// A step of the reservation with the named key.
    case extend(of: String)
    case confirm(of: String)
    case cancel(of: String)
  }

  struct Attempt: Sendable {
    /// From request to answer, in epoch milliseconds by the clock of this machine, which is also Redis's clock.
    let span: ClosedRange<Int>
    /// Nil if the node gave no answer. A stopped node may still process the request later.
    let answer: TestAnswer?
  }

  let key: String
  let purpose: Purpose
  let request: TestRequest
  /// Whether the hold may expire before it is confirmed.
  let mayExpire: Bool
  /// Whether Redis may have lost changes that were reported before.
  let mayBeLost: Bool
  /// The attempts in order.
  private(set) var attempts: [Attempt] = []

  init(
    _ key: String, _ purpose: Purpose, _ request: TestRequest, mayExpire: Bool = false, mayBeLost: Bool = false
  ) {
    (self.key, self.purpose, self.request) = (key, purpose, request.key(key))
    (self.mayExpire, self.mayBeLost) = (mayExpire, mayBeLost)
  }

  var answers: [TestAnswer] { attempts.compactMap(\.answer) }
  var unanswered: Int { attempts.count { $0.answer == nil } }
  var success: TestAnswer? { answers.first(where: \.isSuccess) }
  /// Whether the outcome is not known yet and needs a replay.
  var isOpen: Bool { success == nil && answers.last?.isFinal != true }
  /// Whether every answer was "not done, try again".
  var wasNeverSent: Bool { unanswered == 0 && answers.allSatisfy { $0.status == 503 } }

  /// The contract allows 2 s for every complete request. The time measured here includes the way through two busy event
  /// loops, which may take another half second. The allowance for a busy machine is added to that.
  static let answerLimit = Duration.milliseconds(2500)

  /// - Parameter mayBeLate: called when the answer has come.
  /// - Throws: ``NoAnswer``.
  mutating func attempt(
    at node: NodeUnderTest, within limit: Duration = .seconds(30), mayBeLate: () -> Bool = { false }
  ) async throws {
    let sent = epochMilliseconds()
    let answer: TestAnswer
    do {
      answer = try await node.sendOnce(request, within: limit)
    } catch {
      record(nil, during: sent...epochMilliseconds())
      throw error
    }
    record(answer, during: sent...epochMilliseconds())
    #expect(answer.isInTime || mayBeLate(), "\(answer)")
    #expect(isExpected(answer), "\(key): \(answer)")
    if answer.status == 503 { #expect(answer.header("Retry-After").flatMap { Int($0) } ?? 0 >= 1) }
  }

  mutating func record(_ answer: TestAnswer?, during span: ClosedRange<Int>) {
    attempts.append(Attempt(span: span, answer: answer))
  }

  /// Whether the contract allows this answer to this request.
  private func isExpected(_ answer: TestAnswer) -> Bool {
    switch answer.status {
    case 201: purpose == .reserve
    case 200: purpose != .reserve
    case 404: mayBeLost && purpose != .reserve && answer.problem == "unknown-reservation"
    case 409: answer.problem == (purpose == .reserve ? "insufficient-stock" : conflict)
    case 410: mayExpire && mayBeExpired && answer.problem == "reservation-expired"
    case 503, 504: answer.problem != nil
    default: false
    }
  }

  /// The problem that a repeated step may get after the shopper's last step. No step follows a confirm or a cancel.
  private var conflict: String? { if case .extend = purpose { "reservation-confirmed" } else { nil } }

  private var mayBeExpired: Bool {
    switch purpose {
    case .extend, .confirm: true
    case .reserve, .cancel: false
    }
  }
}

extension TestAnswer {
  /// Whether it came within the time that the contract gives a node.
  var isInTime: Bool { elapsed < LedgerEntry.answerLimit + allowance }
}

/// All keys of a run, judged against what Redis holds.
struct Ledger: Sendable {
  var entries: [LedgerEntry]

  /// Checks, before any key is repeated, that refused requests had no effect.
  func expectNoPhantoms(in snapshot: StoreSnapshot) {
    let references = Set(snapshot.reservations.values.compactMap(\.reference))
    for entry in entries where entry.purpose == .reserve && entry.success == nil && entry.unanswered == 0 {
      // "Outcome unknown" may mean either. But a hold after "insufficient stock" or "not done" is a phantom.
      guard entry.answers.last?.status == 409 || entry.wasNeverSent else { continue }
      #expect(!references.contains(entry.key), "a phantom hold: \(entry.answers)")
    }
  }

  /// Checks that every change was made while its sender still waited for the answer.
  func expectNothingLate(in snapshot: StoreSnapshot) {
    let found = Dictionary(snapshot.reservations.values.map { ($0.reference ?? "", $0) }) { $1 }
    for entry in entries where entry.unanswered == 0 {
      let instant: Int? =
        switch entry.purpose {
        case .reserve: found[entry.key]?.createdAt
        case .extend: nil
        case .confirm(let key): found[key]?.confirmedAt
        case .cancel(let key): found[key]?.cancelledAt
        }
      guard let instant else { continue }
      // Redis's time is cut to whole milliseconds.
      let attempts = entry.attempts.map { $0.span.lowerBound - 2...$0.span.upperBound + 2 }
      #expect(attempts.contains { $0.contains(instant) }, "\(entry.key): done at \(instant): \(entry.answers)")
    }
  }

  /// Repeats every key. Keys with an open outcome are repeated until the outcome is known.
  mutating func settle(at cluster: TestCluster) async throws {
    entries = try await concurrently(entries, width: 32) { entry in
      var entry = entry
      repeat { try await entry.attempt(at: cluster.node) } while entry.isOpen
      return entry
    }
  }

  /// Checks that Redis has exactly the reservations that callers were told about, in the reported states.
  ///
  /// - Parameter forgotten: the state of reservations that nobody confirmed or cancelled.
  func expectTold(in snapshot: StoreSnapshot, forgotten: String) {
    var expected: [String: String] = [:]
    for entry in entries where entry.success != nil {
      switch entry.purpose {
      case .reserve: expected[entry.key] = expected[entry.key] ?? forgotten
      case .extend: break
      // Cancelling an expired reservation is not refused and changes nothing.
      case .confirm(let key), .cancel(let key): expected[key] = entry.success?.reservationStatus
      }
      expectAgreement(entry.answers.filter(\.isSuccess), [200, 201])
      #expect(entry.answers.last?.isSuccess == true, "what was done once is told for ever: \(entry.answers)")
    }
    let found = Dictionary(
      snapshot.reservations.values.map { ($0.reference ?? "", $0.status) }, uniquingKeysWith: { "\($0) and \($1)" })
    for key in Set(expected.keys).union(found.keys) {
      #expect(found[key] == expected[key], "\(key): \(entries.first { $0.key == key }?.answers ?? [])")
    }
  }
}
