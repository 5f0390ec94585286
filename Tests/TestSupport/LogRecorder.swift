import Logging
import NIOConcurrencyHelpers

/// Keeps log messages, so that a test can read them.
package final class LogRecorder: Sendable {
  private let lines = NIOLockedValueBox<[(level: Logger.Level, text: String)]>([])

  package init() {}

  package var logger: Logger { Logger(label: "recorded") { _ in Handler(recorder: self) } }
  /// Messages with their metadata, as texts.
  package var all: [String] { lines.withLockedValue { $0.map(\.text) } }
  package var levels: [Logger.Level] { lines.withLockedValue { $0.map(\.level) } }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      recorder.lines.withLockedValue { $0.append((event.level, "\(event.message) \(event.metadata ?? [:])")) }
    }
  }
}
