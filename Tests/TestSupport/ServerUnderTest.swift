import Foundation

/// A process of ours that serves HTTP, which a test starts, asks, signals, and leaves behind dead.
package protocol ServerUnderTest: Sendable {
  var process: ServerProcess { get }
  var port: Int { get }
  var client: TestHTTPClient { get }
}

extension ServerUnderTest {
  package func send(_ request: TestRequest, within limit: Duration = .seconds(10)) async throws -> TestAnswer {
    try await client.send(request, within: limit)
  }

  package func waitUntilReady(within limit: Duration = .seconds(20)) async throws {
    try await eventually("the server is ready", within: limit) { await isReady }
  }

  package var isReady: Bool {
    get async { (try? await send(TestRequest("GET", "/health/ready")))?.status == 200 }
  }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var log: String { process.log }
  /// The lines of its log that contain this text.
  package func logLines(with text: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(text) } }
}

extension ServerProcess {
  /// Starts an executable of this package; SwiftPM puts it beside the tests.
  ///
  /// - Parameters:
  ///   - settings: by their names without `HOLDFAST_`, for example `["DRAIN_DELAY": "1"]`.
  ///   - environment: what it has beside them.
  static func start(
    _ executable: String, settings: [String: String], environment: [String: String] = [:], logs: TemporaryDirectory
  ) throws -> ServerProcess {
    let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    let all = environment.merging(settings.map { ("HOLDFAST_\($0)", $1) }) { $1 }
    return try ServerProcess(
      tests.deletingLastPathComponent().appending(path: executable), [], environment: all,
      logFile: logs.url.appending(path: "\(executable).log"))
  }

  /// Waits until it listens, and returns on which port.
  func listeningPort() async throws -> Int {
    try await eventually("the server listens or ends") { !isRunning || loggedPort != nil }
    guard let port = loggedPort else { throw StartFailed(description: "the server ended: \(log)") }
    return port
  }

  /// It tells in its log where it listens: `… "message":"serving", … "address":"[IPv4]127.0.0.1:8080" …`.
  private var loggedPort: Int? {
    for line in log.split(separator: "\n") where line.contains("\"serving\"") {
      let record = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let address = record?["address"] as? String
      if let port = address?.split(separator: ":").last.flatMap({ Int($0) }) { return port }
    }
    return nil
  }
}
