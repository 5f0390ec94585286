import Logging

/// Writes each log record as one line of JSON:
/// `{"timestamp":…,"level":…,"label":…,"message":…, metadata by name …}`.
package struct JSONLogHandler: LogHandler {
  /// Takes one whole line, its newline included; called from any thread, which it must not hold up.
  package typealias Sink = @Sendable (UnsafeRawBufferPointer) -> Void

  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata
  package var metadataProvider: Logger.MetadataProvider?

  private let label: String
  private let sink: Sink
  private let now: @Sendable () -> Int64

  /// - Parameters:
  ///   - metadata: Metadata of every record, such as the node's id.
  ///   - now: The time of a record, in milliseconds since 1970.
  package init(
    label: String, level: Logger.Level, metadata: Logger.Metadata = [:],
    metadataProvider: Logger.MetadataProvider? = nil,
    now: @escaping @Sendable () -> Int64 = WallClock.epochMilliseconds,
    sink: @escaping Sink = StandardError.write
  ) {
    self.label = label
    self.logLevel = level
    self.metadata = metadata
    self.metadataProvider = metadataProvider
    self.now = now
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    // What is given nearer to the call is stronger.
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let given = event.metadata { all.merge(given) { $1 } }
    if let error = event.error { all["error"] = "\(error)" }
    let line = LogLine.encode(
      epochMilliseconds: now(), level: event.level, label: label,
      message: event.message.description, metadata: all)
    line.withUnsafeReadableBytes(sink)
  }
}

extension LoggingSystem {
  /// Sends the logs of the whole process to standard error as JSON lines; once per process.
  ///
  /// - Parameter metadata: Metadata of every record, such as the node's id.
  package static func bootstrapJSONLines(level: Logger.Level, metadata: Logger.Metadata = [:]) {
    StandardError.queue.setMetadata(metadata)
    bootstrap(
      { label, provider in
        JSONLogHandler(label: label, level: level, metadata: metadata, metadataProvider: provider)
      }, metadataProvider: nil)
  }
}
