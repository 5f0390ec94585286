import TestSupport
import Testing

@testable import Store

@Suite struct ReserveRequestTests {
  private static func line(_ sku: String, _ quantity: Int) -> ReservationLine {
    ReservationLine(sku: SKU(stored: sku.utf8), quantity: quantity)
  }

  private static func wish(
    _ lines: [ReservationLine], customer: String? = nil, reference: String? = nil, ttl: Int? = nil
  ) -> ReserveRequest {
    let labels = Labels(customerID: customer.flatMap(Label.init), reference: reference.flatMap(Label.init))
    return ReserveRequest(lines: lines, labels: labels, ttlSeconds: ttl)
  }

  @Test func `lines of one SKU are summed, and all are sorted by their bytes`() {
    let wish = Self.wish([Self.line("b", 1), Self.line("A", 2), Self.line("b", 40), Self.line("B", 5)])
    #expect(wish.lines == [Self.line("A", 2), Self.line("B", 5), Self.line("b", 41)])
  }

  @Test(arguments: UInt64(1)...10)
  func `the order and splitting of lines do not matter`(seed: UInt64) {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let lines = random.lines(1...8)
      let halves = lines.flatMap {
        $0.quantity < 2 ? [$0] : [Self.line($0.sku.text, 1), Self.line($0.sku.text, $0.quantity - 1)]
      }
      #expect(Self.wish(lines) == Self.wish(halves.shuffled(using: &random)))
    }
  }

  @Test func `an absent TTL is another wish than any given one`() {
    let absent = Self.wish([Self.line("A", 1)]).canonical
    for ttl in [1, 300, 3600] { #expect(Self.wish([Self.line("A", 1)], ttl: ttl).canonical != absent) }
  }

  @Test func `a customer is no reference`() {
    let line = [Self.line("A", 1)]
    #expect(Self.wish(line, customer: "x").canonical != Self.wish(line, reference: "x").canonical)
    #expect(Self.wish(line, customer: "x").labels != Self.wish(line, reference: "x").labels)
  }

  @Test(arguments: UInt64(1)...20)
  func `no two different requests share a canonical text`(seed: UInt64) {
    var random = SeededRandom(seed)
    var meant: [String: ReserveRequest] = [:]
    for _ in 0..<3000 {
      // Few values give many near misses: labels that look like numbers, lines or each other.
      let label = { (random: inout SeededRandom) in random.oneIn(3) ? nil : Label(random.text(#"A1,\""#, 1...3)) }
      let wish = ReserveRequest(
        lines: (0..<random.number(1...2)).map { _ in
          Self.line(random.pick(["A", "A1", "1", "B"]), random.pick([1, 11, 2]))
        },
        labels: Labels(customerID: label(&random), reference: label(&random)),
        ttlSeconds: random.pick([nil, 1, 11, 300]))
      #expect(meant[wish.canonical, default: wish] == wish, "\(wish.canonical.debugDescription)")
      meant[wish.canonical] = wish
    }
    #expect(meant.count > 300)
  }
}
