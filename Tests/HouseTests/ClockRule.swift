/// Time comes from the event loop or is passed in. A test can't control code that reads the clock itself.
enum ClockRule {
  /// The files that may read the clock. Each comment says why.
  private static let exempt = [
    // When the process ends, a thread without an event loop waits here.
    "Sources/Common/Logging/LogQueue.swift"
  ]

  /// Every use of `NIODeadline.now()`, in any spelling, where the event loop's own time should be used.
  static func breaches(in files: [SourceFile]) -> [String] {
    files.filter { !exempt.contains($0.path) }.flatMap { file in
      file.lines.filter { $0.text.contains(".now()") }.map { line in
        "\(file.path):\(line.number) asks the clock: take the time of the event loop (`eventLoop.now`), or a parameter"
      }
    }
  }
}
