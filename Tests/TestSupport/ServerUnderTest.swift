import Foundation

/// A Holdfast process that serves HTTP. A test starts it, sends requests and signals, and it never outlives the test.
package protocol ServerUnderTest: Sendable {
  var process: ServerProcess { get }
  var port: Int { get }
  var client: TestHTTPClient { get }
}

extension ServerUnderTest {
  /// Sends a request. Like any client, it repeats the request on "try again" if processes had to wait for the
  /// processor. Health requests are sent once. ``sendOnce(_:within:)`` sends any request once.
  package func send(_ request: TestRequest, within limit: Duration = .seconds(30)) async throws -> TestAnswer {
    var answer = try await sendOnce(request, within: limit)
    for _ in 0..<5 where answer.isExcused && !request.path.hasPrefix("/health") {
      guard answer.status == 503 || request.isRepeatable else { break }
      answer = try await sendOnce(request, within: limit)
    }
    return answer
  }

  package func sendOnce(_ request: TestRequest, within limit: Duration = .seconds(30)) async throws -> TestAnswer {
    try await client.send(request, within: limit)
  }

  package func waitUntilReady(within limit: Duration = .seconds(60)) async throws {
    try await eventually("the server is ready", within: limit) { await isReady }
  }

  package var isReady: Bool {
    get async { (try? await send(TestRequest("GET", "/health/ready")))?.status == 200 }
  }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var log: String { process.log }
  /// The log lines that contain this text.
  package func logLines(with text: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(text) } }
}

/// Conditions of a process besides its settings.
package struct Surroundings: Sendable {
  /// The limit of open file descriptors.
  package var openFiles: Int?
  /// Where the log goes. Then the log can't show the port, so the settings must name it.
  package var standardError: FileHandle?

  package init(openFiles: Int? = nil, standardError: FileHandle? = nil) {
    (self.openFiles, self.standardError) = (openFiles, standardError)
  }
}

extension ServerProcess {
  /// Starts an executable of this package. SwiftPM puts it beside the tests.
  ///
  /// - Parameters:
  ///   - settings: by their names without `HOLDFAST_`, for example `["DRAIN_DELAY": "1"]`.
  ///   - environment: further environment variables.
  ///   - surroundings: other conditions.
  static func start(
    _ executable: String, settings: [String: String], environment: [String: String] = [:],
    surroundings: Surroundings = Surroundings(), logs: TemporaryDirectory
  ) throws -> ServerProcess {
    let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    let all = environment.merging(settings.map { ("HOLDFAST_\($0)", $1) }) { $1 }
    let path = tests.deletingLastPathComponent().appending(path: executable)
    let logFile = logs.url.appending(path: "\(executable).log")
    guard let openFiles = surroundings.openFiles else {
      return try ServerProcess(
        path, [], environment: all, logFile: logFile, standardError: surroundings.standardError)
    }
    return try ServerProcess(
      URL(fileURLWithPath: "/bin/sh"), ["-c", "ulimit -n \(openFiles) && exec \"$0\"", path.path], environment: all,
      logFile: logFile, standardError: surroundings.standardError)
  }

  /// Waits until it listens and returns the port.
  ///
  /// - Parameter given: the port from the settings, for a process whose log can't be read.
  func listeningPort(given: String?) async throws -> Int {
    if let given, let port = Int(given), port != 0 {
      try await eventually("the server listens or ends") {
        if !isRunning { return true }
        return (try? await RawConnection(port: port)) != nil
      }
      guard isRunning else { throw StartFailed(description: "the server ended") }
      return port
    }
    return try await listeningPort()
  }

  func listeningPort() async throws -> Int {
    try await eventually("the server listens or ends") { !isRunning || loggedPort != nil }
    guard let port = loggedPort else { throw StartFailed(description: "the server ended: \(log)") }
    return port
  }

  /// The port in its log line `… "message":"serving", … "address":"[IPv4]127.0.0.1:8080" …`.
  private var loggedPort: Int? {
    for line in log.split(separator: "\n") where line.contains("\"serving\"") {
      let record = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let address = record?["address"] as? String
      if let port = address?.split(separator: ":").last.flatMap({ Int($0) }) { return port }
    }
    return nil
  }
}
