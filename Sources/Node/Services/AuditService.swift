import Common
import NIOCore
import RedisClient
import Store

/// Re-derives the counters of SKUs from the reservations themselves, a slice of the SKUs per call, without stopping
/// traffic.
///
/// A SKU with few reservations is counted by one script, and so at one instant. One with many is counted in steps under
/// `WATCH`: Redis itself then tells whether anything of the SKU changed in between, and what was counted while it
/// did is dropped. `WATCH` belongs to a connection, so audits have one of their own, and go one at a time.
final class AuditService {
  /// Entries counted in one script call: about half a millisecond of Redis.
  private static let entriesPerStep = 512
  private static let skusPerStep = 50
  /// Keys that one step of the search goes through: some tenths of a millisecond of Redis.
  private static let keysPerStep = 500
  /// A call goes on to further SKUs for so long…
  private static let sliceTime = TimeAmount.milliseconds(500)
  /// …and gives a SKU up after so long.
  private static let skuTime = TimeAmount.milliseconds(900)
  /// How often a SKU that changes under the count is counted anew.
  private static let tries = 3

  private let stock: StockRepository
  private let link: RedisLink
  private let keys: RedisKeys
  private var isBusy = false

  /// - Parameter stock: the repository on `link`, which nothing else may use.
  init(stock: StockRepository, link: RedisLink, keys: RedisKeys) {
    self.stock = stock
    self.link = link
    self.keys = keys
  }

  struct Violation: Equatable, Sendable {
    enum Rule: String, Sendable {
      /// `total`, `available`, `reserved` and `sold` are there, and none is negative.
      case countersNotNegative = "counters-not-negative"
      /// The three counters and two indexes are what they must be; one that is not counts as 0 in other rules.
      case keysReadable = "keys-readable"
      /// The reservation behind each entry of an index can be read.
      case recordsReadable = "records-readable"
      /// A hold is indexed under its own deadline.
      case deadlinesIndexed = "deadlines-indexed"
      /// No key that must stay would vanish by itself.
      case noExpiry = "no-expiry"
      /// What stands in the index of SKUs is a SKU.
      case indexReadable = "index-readable"
      /// A SKU that has keys stands in that index.
      case listed
      case reservedEqualsActive = "reserved-equals-active-holds"
      case soldEqualsConfirmed = "sold-equals-confirmed"
    }

    /// Nil for what all SKUs share.
    var sku: SKU?
    var rule: Rule
    /// What the reservations add up to, and what the counter says.
    var expected: Int
    var found: Int
  }

  struct Report: Sendable {
    var skus = 0
    var violations: [Violation] = []
    /// SKUs that did not hold still.
    var unverified: [SKU] = []
    var next: Cursor?
  }

  /// Where an audit goes on: first it goes through the SKUs that are listed, then through all keys for others.
  enum Cursor: Equatable, Sendable, CustomStringConvertible {
    case after(IndexPlace)
    case keys(UInt64)

    /// Nil for a text that none is told as.
    init?(_ text: String) {
      if let place = IndexPlace(text) {
        self = .after(place)
      } else if text.hasPrefix(":"), let position = UInt64(text.dropFirst()) {
        self = .keys(position)
      } else {
        return nil
      }
    }

    var description: String {
      switch self {
      case .after(let place): place.description
      // No place begins with a colon.
      case .keys(let position): ":\(position)"
      }
    }
  }

  func slice(after cursor: Cursor?, arrival: NIODeadline, completion: @escaping (Result<Report, Problem>) -> Void) {
    guard !isBusy else {
      return completion(.failure(Problem(.overloaded, "An audit is under way at this node.", retryAfter: 1)))
    }
    isBusy = true
    let told: Completion<Report> = { [self] result in
      isBusy = false
      completion(result.mapError { .store($0, isWrite: false) })
    }
    switch cursor {
    case nil: extend(Report(), after: nil, arrival, told)
    case .after(let place): extend(Report(), after: place.member, arrival, told)
    case .keys(let position): search(Report(), from: position, arrival, told)
    }
  }

  /// Goes through keys for SKUs that no list shows.
  private func search(
    _ report: Report, from position: UInt64, _ arrival: NIODeadline, _ completion: @escaping Completion<Report>
  ) {
    stock.findUnlisted(from: position, count: Self.keysPerStep, deadline: arrival + Budget.read) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let step):
        var report = report
        for (rule, found) in [(Violation.Rule.keysReadable, step.unreadable), (.noExpiry, step.lapsing)] where found > 0
        {
          report.violations.append(Violation(sku: nil, rule: rule, expected: 0, found: found))
        }
        for sku in step.skus where !report.violations.contains(where: { $0.sku == sku && $0.rule == .listed }) {
          report.violations.append(Violation(sku: sku, rule: .listed, expected: 1, found: 0))
        }
        guard step.next != 0 else { return completion(.success(report)) }
        guard NIODeadline.now() - arrival <= Self.sliceTime else {
          report.next = .keys(step.next)
          return completion(.success(report))
        }
        search(report, from: step.next, arrival, completion)
      }
    }
  }

  private typealias Completion<Value> = (Result<Value, StoreFailure>) -> Void

  private func extend(
    _ report: Report, after cursor: [UInt8]?, _ arrival: NIODeadline, _ completion: @escaping Completion<Report>
  ) {
    stock.list(after: cursor, limit: Self.skusPerStep, deadline: arrival + Budget.read) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let rows):
        judge(rows.compactMap(\.sku)[...], report.noting(rows), arrival) { [self] result in
          switch result {
          case .failure(let failure): completion(.failure(failure))
          case .success(let report) where report.next != nil: completion(.success(report))
          case .success(let report) where rows.count < Self.skusPerStep:
            search(report, from: 0, arrival, completion)
          case .success(var report):
            // A step of what is no SKU has judged none, and so has not looked at the time.
            guard let last = rows.last, NIODeadline.now() - arrival > Self.sliceTime else {
              return extend(report, after: rows.last?.member, arrival, completion)
            }
            report.next = .after(IndexPlace(after: last.member))
            completion(.success(report))
          }
        }
      }
    }
  }

  /// Audits `skus` one after the other; out of time, the report says where to go on.
  private func judge(
    _ skus: ArraySlice<SKU>, _ report: Report, _ arrival: NIODeadline, _ completion: @escaping Completion<Report>
  ) {
    guard let sku = skus.first else { return completion(.success(report)) }
    count(sku, Sum(), giveUpAt: arrival + Self.skuTime, triesLeft: Self.tries) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let verdict):
        var report = report
        report.skus += 1
        switch verdict {
        case .restless: report.unverified.append(sku)
        case .gone: report.skus -= 1
        case .counted(let sum): report.violations += sum.violations(of: sku)
        }
        if NIODeadline.now() - arrival > Self.sliceTime, skus.count > 1 {
          report.next = .after(IndexPlace(after: sku))
          return completion(.success(report))
        }
        judge(skus.dropFirst(), report, arrival, completion)
      }
    }
  }

  private enum Verdict {
    case counted(Sum)
    case restless
    /// Deleted in the meantime.
    case gone
  }

  private struct Sum {
    var counters: StockRepository.AuditSlice?
    var active = 0, confirmed = 0, lapsed = 0, unrecorded = 0, misdated = 0, lapsing = 0
    var position = 0
    /// The link under which the SKU is watched.
    var watchedSince: Int?

    mutating func add(_ slice: StockRepository.AuditSlice, entries: Int) {
      counters = slice
      active += slice.active
      confirmed += slice.confirmed
      lapsed += slice.lapsed
      unrecorded += slice.unrecorded
      misdated += slice.misdated
      lapsing += slice.lapsing
      position += entries
    }

    var isComplete: Bool { counters.map { position >= $0.holds + $0.sales } ?? false }

    func violations(of sku: SKU) -> [Violation] {
      guard let counters else { return [] }
      let reserved = counters.total - counters.available - counters.sold
      var violations = [counters.total, counters.available, reserved, counters.sold].filter { $0 < 0 }
        .map { Violation(sku: sku, rule: .countersNotNegative, expected: 0, found: $0) }
      if reserved != active {
        violations.append(Violation(sku: sku, rule: .reservedEqualsActive, expected: active, found: reserved))
      }
      // Sales past their retention are gone, and may make up the difference.
      if counters.sold < confirmed || (lapsed == 0 && counters.sold != confirmed) {
        violations.append(Violation(sku: sku, rule: .soldEqualsConfirmed, expected: confirmed, found: counters.sold))
      }
      let damage: [(Violation.Rule, Int)] = [
        (.keysReadable, counters.unreadable), (.recordsReadable, unrecorded), (.deadlinesIndexed, misdated),
        (.noExpiry, lapsing),
      ]
      for (rule, found) in damage where found > 0 {
        violations.append(Violation(sku: sku, rule: rule, expected: 0, found: found))
      }
      return violations
    }
  }

  private func count(
    _ sku: SKU, _ sum: Sum, giveUpAt: NIODeadline, triesLeft: Int, _ completion: @escaping Completion<Verdict>
  ) {
    guard giveUpAt > .now() else {
      return end(sum) { _ in completion(.success(.restless)) }
    }
    stock.audit(sku, from: sum.position, entries: Self.entriesPerStep, deadline: giveUpAt + Budget.release) {
      [self] result in
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(nil): end(sum) { _ in completion(.success(.gone)) }
      case .success(let slice?):
        var sum = sum
        sum.add(slice, entries: Self.entriesPerStep)
        if sum.watchedSince == nil, sum.isComplete { return completion(.success(.counted(sum))) }
        if sum.watchedSince == nil {
          return watch(sku) { [self] result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(let fresh): count(sku, fresh, giveUpAt: giveUpAt, triesLeft: triesLeft, completion)
            }
          }
        }
        guard sum.isComplete else {
          return count(sku, sum, giveUpAt: giveUpAt, triesLeft: triesLeft, completion)
        }
        end(sum) { [self] heldStill in
          if heldStill { return completion(.success(.counted(sum))) }
          guard triesLeft > 1 else { return completion(.success(.restless)) }
          count(sku, Sum(), giveUpAt: giveUpAt, triesLeft: triesLeft - 1, completion)
        }
      }
    }
  }

  /// Begins a count that notices changes.
  private func watch(_ sku: SKU, _ completion: @escaping Completion<Sum>) {
    let watched = [keys.inventory, keys.total, keys.sold, keys.holds, keys.sales]
    var arguments = RedisArguments("WATCH")
    for key in watched { arguments.append(key + sku.text) }
    send(arguments) { [self] result in
      completion(result.map { _ in Sum(watchedSince: link.status().reconnects) })
    }
  }

  /// Ends a count; tells whether the SKU held still all the while.
  private func end(_ sum: Sum, _ completion: @escaping (Bool) -> Void) {
    guard let watchedSince = sum.watchedSince else { return completion(false) }
    send(RedisArguments("MULTI")) { _ in }
    // An empty transaction: Redis answers null if a watched key was touched.
    send(RedisArguments("EXEC")) { [self] result in
      completion((try? result.get()) == .array([]) && link.status().reconnects == watchedSince)
    }
  }

  private func send(_ arguments: RedisArguments, _ completion: @escaping Completion<RedisReply>) {
    var command = ByteBuffer()
    command.writeRedisCommand(arguments)
    link.send(command, deadline: .now() + Budget.release) { result in
      completion(
        result.mapError(StoreFailure.redis).flatMap { reply in
          if case .error(let line) = reply { .failure(.redis(.rejected(.init(line: line)))) } else { .success(reply) }
        })
    }
  }
}

extension StockRepository.Row {
  fileprivate var sku: SKU? {
    switch content {
    case .stock(let stock, _): stock.sku
    case .damaged(let damage): damage.sku
    case .foreign: nil
    }
  }
}

extension AuditService.Report {
  /// Members of the index that are no SKUs are told under the name of none, by one violation that counts them.
  fileprivate func noting(_ rows: [StockRepository.Row]) -> Self {
    let foreign = rows.count { $0.content == .foreign }
    guard foreign > 0 else { return self }
    var report = self
    if let known = violations.firstIndex(where: { $0.rule == .indexReadable }) {
      report.violations[known].found += foreign
    } else {
      report.violations.append(AuditService.Violation(sku: nil, rule: .indexReadable, expected: 0, found: foreign))
    }
    return report
  }

  var document: ByteBuffer {
    var body = ByteBuffer()
    body.writeString("{\"consistent\":\(violations.isEmpty),\"skus\":\(skus),\"violations\":")
    body.writeJSONArray(violations) { body, violation in
      let sku = violation.sku.map { "\"sku\":\"\($0.text)\"," } ?? ""
      body.writeString("{\(sku)\"rule\":\"\(violation.rule.rawValue)\",")
      body.writeString("\"expected\":\(violation.expected),\"found\":\(violation.found)}")
    }
    body.writeStaticString(",\"unverified\":")
    body.writeJSONArray(unverified) { $0.writeJSONString($1.text) }
    body.writeNextCursor(next?.description)
    body.writeStaticString("}")
    return body
  }
}
