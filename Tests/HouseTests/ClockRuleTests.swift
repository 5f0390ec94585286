import Testing

@Suite struct ClockRuleTests {
  @Test func `no source asks the clock beside the event loop's time`() throws {
    let files = try SourceFile.all()
    // Otherwise a search that finds no files would pass.
    #expect(files.count > 200)
    for breach in ClockRule.breaches(in: files) { Issue.record("\(breach)") }
  }

  @Test func `a look at the clock is noticed, however it is written`() {
    let text = "let a = NIODeadline.now()\nlet b = eventLoop.now\nlet c: NIODeadline = .now()"
    let breaches = ClockRule.breaches(in: [SourceFile(path: "Sources/Node/A.swift", text: text)])
    #expect(breaches.map { $0.prefix(23) } == ["Sources/Node/A.swift:1 ", "Sources/Node/A.swift:3 "])
  }
}
