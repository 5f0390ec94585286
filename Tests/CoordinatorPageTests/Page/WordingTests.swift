import Foundation
import Testing

@testable import Coordinator

@Suite struct WordingTests {
  @Test func `durations are worded`() {
    let words = [
      (0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"), (86_399, "23 h 59 min"),
      (90_000, "1 d 1 h"), (-5, "0 s"),
    ]
    for (seconds, text) in words { #expect(Wording.duration(seconds: seconds) == text) }
  }

  @Test func `figures are worded`() {
    #expect(
      [0.31, 9.96, 12.4, 1500].map { Wording.took(milliseconds: $0) } == ["0.3 ms", "10.0 ms", "12 ms", "1.5 s"])
    #expect([0, 0.25, 9.4, 1204.2].map { Wording.rate($0) } == ["0", "0.2", "9.4", "1,204"])
    #expect(
      [0, 999, 1000, 1_234_567, -1000].map { Wording.count($0) } == ["0", "999", "1,000", "1,234,567", "-1,000"])
    #expect([512, 1536, 48 << 20, 3 << 40].map { Wording.bytes($0) } == ["512 B", "1.5 KiB", "48.0 MiB", "3.0 TiB"])
    #expect([400, 12_000].map { Wording.ago(milliseconds: $0) } == ["0.4 s ago", "12 s ago"])
  }

  @Test(arguments: [Double.greatestFiniteMagnitude, -Double.greatestFiniteMagnitude, 1e300, -1])
  func `no figure is too large to be worded`(value: Double) {
    for text in [Wording.took(milliseconds: value), Wording.rate(value)] { #expect(text.utf8.count < 20) }
  }

  @Test func `a sparkline has a point for each value, and a mark for each that is missing`() throws {
    let fields = try #require(
      Sparkline.fields([1, 2, nil, 4, nil, 5], minTop: 1, what: "Rates") { Wording.rate($0) })
    let line = try #require(fields["line"] as? String)
    #expect(line.split(separator: "M").count == 3, "three runs")
    #expect(line.hasSuffix("M120,1h0.01"), "the newest at the right edge, the largest at the top: \(line)")
    #expect((fields["gaps"] as? String)?.split(separator: "M").count == 2)
    #expect(fields["label"] as? String == "Rates, last 6 s: 1.0 to 5.0, now 5.0; 2 without a value")
    #expect(Sparkline.fields([], minTop: 1, what: "x") { "\($0)" } == nil)
    #expect(Sparkline.fields([nil, nil], minTop: 1, what: "x") { "\($0)" } == nil)
    let long = try #require(Sparkline.fields((0..<500).map { Double($0) }, minTop: 1, what: "x") { "\($0)" })
    #expect((long["label"] as? String)?.hasPrefix("x, last 60 s: 440.0") == true)
  }

  @Test func `instants are shown with their date only if it is another day`() {
    let instants = Instants(now: "2026-11-22T08:43:12.123Z")
    #expect(instants.fields("2026-11-22T00:00:00.000Z")?["clock"] as? String == "00:00:00")
    #expect(instants.fields("2026-11-21T23:59:59.999Z")?["clock"] as? String == "2026-11-21 23:59:59")
    #expect(instants.fields("2026-11-22T08:43:10.000Z")?["age"] as? String == "2 s")
    for text in ["", "yesterday", "2026-13-22T00:00:00.000Z", "2026-11-22T08:43:10.000+"] {
      #expect(instants.fields(text) == nil, "\(text)")
    }
  }
}
