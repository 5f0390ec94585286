import Testing

@Suite("One clock")
struct ClockRuleTests {
  @Test("no source asks the clock beside the event loop's time")
  func sources() throws {
    for breach in ClockRule.breaches(in: try SourceFile.all()) { Issue.record("\(breach)") }
  }

  @Test("a look at the clock is noticed, however it is written")
  func noticed() {
    let text = "let a = NIODeadline.now()\nlet b = eventLoop.now\nlet c: NIODeadline = .now()"
    let breaches = ClockRule.breaches(in: [SourceFile(path: "Sources/Node/A.swift", text: text)])
    #expect(breaches.map { $0.prefix(23) } == ["Sources/Node/A.swift:1 ", "Sources/Node/A.swift:3 "])
  }
}
