import Testing

@Suite struct ClockRuleTests {
  private func breaches(_ text: String, path: String = "Sources/Node/A.swift") -> [String] {
    ClockRule.breaches(in: [SourceFile(path: path, text: text)])
  }

  @Test func `no source asks the clock beside the event loop's time`() throws {
    let files = try SourceFile.all()
    // Otherwise a search that finds no files would pass.
    #expect(files.count > 200)
    for breach in ClockRule.breaches(in: files) { Issue.record("\(breach)") }
  }

  @Test func `each exemption is needed`() throws {
    for needless in ClockRule.needless(in: try SourceFile.all()) { Issue.record("\(needless)") }
  }

  @Test func `a look at the clock is noticed, however it is written`() {
    let text = "let a = NIODeadline.now()\nlet b = eventLoop.now\nlet c: NIODeadline = .now()"
    #expect(breaches(text).map { $0.prefix(23) } == ["Sources/Node/A.swift:1 ", "Sources/Node/A.swift:3 "])
  }

  @Test(
    arguments: [
      "let a = ContinuousClock.now", "let a: ContinuousClock.Instant = .now", "wait(until: .now + .seconds(1))",
      "let a = ContinuousClock().now", "let a = LeaseMachine.Instant.now.advanced(by: pause)", "let a = [.now, end]",
      "let a = WallClock.epochMilliseconds() / 1000", "let a = \"seen-\\(WallClock.epochMilliseconds())\"",
      "let a = Date()", "let a = Date.now", "clock_gettime(CLOCK_MONOTONIC, &time)", "gettimeofday(&time, nil)",
      "let a = ProcessInfo.processInfo.systemUptime", "SuspendingClock().measure { work() }",
      "func wait(from start: Instant = .now) {}", "try? await Task.sleep(for: pause)",
    ])
  func `every clock of the process is noticed`(line: String) {
    #expect(breaches(line).count == 1)
  }

  @Test(
    arguments: [
      "let a = eventLoop.now", "let a = link.eventLoop.now", "let a = Self.shared.now", "let a = now()",
      "let a = now().instant", "let a = wallClock() / 1000", "init(now: @escaping () -> Instant = { .now }) {",
      "ResponseEncoder(wallClock: WallClock.epochMilliseconds)", "private mutating func currentDate() -> String {",
      "let clock = RedisClock()", "let a = Date(timeIntervalSince1970: seconds)", "case .nowhere: nil",
      "// Otherwise .now would be read.", "let a = end // not .now", "let a = instants.now",
    ])
  func `a clock that was passed in may be asked, and may be passed on`(line: String) {
    #expect(breaches(line) == [])
  }

  @Test func `an exemption is for one line, not for the rest of its file`() throws {
    let exemption = try #require(ClockRule.exemptions.first)
    let text = "\(exemption.code)\nlet a = WallClock.epochMilliseconds()"
    #expect(breaches(text, path: exemption.path).map { $0.contains(":2 asks the clock") } == [true])
    #expect(breaches(text).count == 2)
  }
}
