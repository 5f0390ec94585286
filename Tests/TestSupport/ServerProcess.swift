import Foundation

/// A process that a test starts and signals. It never outlives the test.
package final class ServerProcess: @unchecked Sendable {  // Process is only touched under the lock.
  package struct StartFailed: Error, CustomStringConvertible {
    package let description: String
  }

  private let lock = NSLock()
  private let process = Process()
  /// Standard output and error of the process.
  package let logFile: URL

  /// - Parameters:
  ///   - environment: added to the environment of the tests, from which Holdfast's settings are removed.
  ///   - standardError: replaces the log file.
  package init(
    _ executable: URL, _ arguments: [String], environment: [String: String] = [:], logFile: URL,
    standardError: FileHandle? = nil
  ) throws {
    self.logFile = logFile
    _ = FileManager.default.createFile(atPath: logFile.path, contents: nil)
    let log = try FileHandle(forWritingTo: logFile)
    try log.seekToEnd()
    process.executableURL = executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("HOLDFAST_") }
      .merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = log
    process.standardError = standardError ?? log
    // Tests run on Dispatch's threads, which block all signals. A child inherits that, and SIGTERM would do nothing.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
    try log.close()
  }

  deinit { kill() }

  package var pid: Int32 { lock.withLock { process.processIdentifier } }
  package var isRunning: Bool { lock.withLock { process.isRunning } }
  /// The exit code, or the signal that ended it. Valid only after its end.
  package var exitCode: Int32 { lock.withLock { process.terminationStatus } }

  package func signal(_ number: Int32) {
    lock.withLock { if process.isRunning { _ = Foundation.kill(process.processIdentifier, number) } }
  }

  /// Sends SIGKILL, which ends a stopped process too. Returns when the process is gone.
  package func kill() {
    signal(SIGKILL)
    process.waitUntilExit()
  }

  package var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }
}

/// Polls until `condition` holds. If it never does, the failure says what was waited for.
package func eventually(
  _ what: String, within limit: Duration = .seconds(300), every pause: Duration = .milliseconds(20),
  _ condition: () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let end = clock.now + limit
  while try await !condition() {
    guard clock.now < end else { throw ServerProcess.StartFailed(description: "never came true: \(what)") }
    try await Task.sleep(for: pause)
  }
}

/// A directory that is removed with the test.
package final class TemporaryDirectory: Sendable {
  package let url: URL

  /// - Parameter inMemory: whether to use the machine's memory, if gigabytes of it are free.
  package init(inMemory: Bool = false) throws {
    let parent =
      inMemory ? Self.memory ?? FileManager.default.temporaryDirectory : FileManager.default.temporaryDirectory
    url = parent.appending(path: "holdfast-test-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  private static let memory: URL? = {
    // `cluster.sh test` gives a directory that it removes at the end, even if the tests crash.
    let path = ProcessInfo.processInfo.environment["HOLDFAST_TEST_MEMORY"] ?? "/dev/shm"
    let minBytes = 2 << 30
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
    let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue ?? 0
    guard free >= minBytes, FileManager.default.isWritableFile(atPath: path) else { return nil }
    return URL(filePath: path)
  }()

  deinit { try? FileManager.default.removeItem(at: url) }
}
