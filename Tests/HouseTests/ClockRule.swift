/// Time comes from the event loop or is passed in. A test can't control code that reads the clock itself, or sleeps by it.
///
/// To name a clock is allowed, since that is how it is passed in: `{ .now }`, or `WallClock.epochMilliseconds` without a
/// call. The rule goes by the words of a line. It does not see a clock within a function of another package, such as a
/// connect timeout.
enum ClockRule {
  /// A line that may use the clock.
  struct Exemption: Sendable {
    let path: String
    /// A part of the line. The rest of the file keeps to the rule.
    let code: String
  }

  /// Each comment says why.
  static let exemptions = [
    // These two are the clocks that all others are given.
    Exemption(path: "Sources/Common/Time/NIOWriting.swift", code: "clock_gettime(CLOCK_REALTIME, &now)"),
    Exemption(path: "Sources/Coordinator/Registry/Moment.swift", code: "static var now: Moment"),
    // When the process ends, a thread without an event loop waits here.
    Exemption(path: "Sources/Common/Logging/LogQueue.swift", code: "done.wait(timeout: .now() + limit)"),
    // These wake the coordinator's loops. What is due then is decided by the clock that was passed in.
    Exemption(path: "Sources/Coordinator/Watch/ClusterWatch.swift", code: "Task.sleep(for: next - now().instant"),
    Exemption(path: "Sources/Coordinator/Watch/ClusterWatch.swift", code: "Task.sleep(for: Self.savingInterval)"),
    Exemption(path: "Sources/Coordinator/Pages/Live/LivePictures.swift", code: "Task.sleep(for: Self.maxSilence)"),
    // A beat that repeats what is true. Nothing is decided by the time.
    Exemption(path: "Sources/Node/Announcing/Announcer.swift", code: "Task.sleep(for: interval)"),
    // The lame-duck time is over at its end or at a signal. It is a setting, and tests make it short.
    Exemption(path: "Sources/Node/HTTP/HTTPServer.swift", code: "Task.sleep(for: drainDelay)"),
  ]

  /// Every line that asks a clock, in any spelling, or sleeps by the clock of the process.
  static func breaches(in files: [SourceFile]) -> [String] {
    files.flatMap { file in
      uses(in: file).filter { use in !exemptions.contains { covers($0, use, in: file) } }.map { use in
        "\(file.path):\(use.line) \(use.words)"
      }
    }
  }

  /// Exemptions that no line needs any more.
  static func needless(in files: [SourceFile]) -> [String] {
    exemptions.filter { exemption in
      !files.contains { file in uses(in: file).contains { covers(exemption, $0, in: file) } }
    }.map { "\($0.path) has nothing to exempt any more: \($0.code)" }
  }

  private struct Use {
    let line: Int
    let code: Substring
    let words: String
  }

  private static func covers(_ exemption: Exemption, _ use: Use, in file: SourceFile) -> Bool {
    exemption.path == file.path && use.code.contains(exemption.code)
  }

  private static func uses(in file: SourceFile) -> [Use] {
    file.lines.compactMap { number, line in
      // Cheap checks first, because a pattern is slow.
      guard hints.contains(where: { line.contains($0) }) else { return nil }
      let code = code(of: line)
      if code.contains("Task.sleep(") {
        return Use(line: number, code: code, words: "sleeps by itself: let the event loop wake it")
      }
      guard asksClock(code) else { return nil }
      return Use(
        line: number, code: code,
        words: "asks the clock: take the time of the event loop (`eventLoop.now`), or a parameter")
    }
  }

  private static let hints = [".now", "Clock", "Date()", "_gettime", "gettimeofday", "ptime", "sleep"]

  /// Calls that read a clock. A clock that was passed in is called without a dot: `now()`.
  private static let calls = [
    ".now()", "WallClock.epochMilliseconds()", "Clock().", "clock_gettime(", "gettimeofday(", ".systemUptime",
  ]

  private static func asksClock(_ code: Substring) -> Bool {
    if calls.contains(where: { code.contains($0) }) { return true }
    // `.now` of a type, written out or not. That of a value, as in `eventLoop.now`, is the value's own time.
    let ofType = #/(?:^|[^\w)\]}?!])\.now(?!\w)|(?:^|\W)[A-Z]\w*\.now(?!\w)|(?:^|\W)Date\(\)/#
    return code.replacing("{ .now }", with: "").contains(ofType)
  }

  /// The line without its comment. The slashes in a URL have no space before them.
  private static func code(of line: Substring) -> Substring {
    guard !line.drop(while: { $0 == " " }).hasPrefix("//") else { return "" }
    return line.firstRange(of: " //").map { line[..<$0.lowerBound] } ?? line
  }
}
