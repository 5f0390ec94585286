/// Time comes from the event loop, or is passed in: code that asks the clock itself can't be driven by a test.
enum ClockRule {
  /// What may ask, and why.
  private static let exempt = [
    // A thread without an event loop waits here, when the process ends.
    "Sources/Common/Logging/LogQueue.swift"
  ]

  /// Every place where an event loop's own time would do: `NIODeadline.now()`, however it is written.
  static func breaches(in files: [SourceFile]) -> [String] {
    files.filter { !exempt.contains($0.path) }.flatMap { file in
      file.lines.filter { $0.text.contains(".now()") }.map { line in
        "\(file.path):\(line.number) asks the clock: take the time of the event loop (`eventLoop.now`), or a parameter"
      }
    }
  }
}
