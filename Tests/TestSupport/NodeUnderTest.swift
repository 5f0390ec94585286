import Foundation

/// A node process that a test starts, asks, signals, and leaves behind dead.
package final class NodeUnderTest: Sendable {
  package static let adminToken = "admin-token-of-the-tests"

  package let process: ServerProcess
  package let port: Int
  package let client: TestHTTPClient
  private let directory: TemporaryDirectory

  /// Starts a node on a port of its own and returns as soon as it listens, whether or not it has found its Redis.
  ///
  /// - Parameter settings: by their names without `HOLDFAST_`, for example `["DRAIN_DELAY": "1"]`.
  package init(redisURL: String, settings: [String: String] = [:]) async throws {
    directory = try TemporaryDirectory()
    let process = try Self.start(redisURL: redisURL, settings: settings, logs: directory)
    self.process = process
    try await eventually("the node listens or ends") {
      !process.isRunning || Self.listeningPort(in: process.log) != nil
    }
    guard let port = Self.listeningPort(in: process.log) else {
      throw ServerProcess.StartFailed(description: "the node ended: \(process.log)")
    }
    self.port = port
    client = TestHTTPClient(port: port)
  }

  /// Starts a node that is expected to end by itself.
  package static func start(
    redisURL: String, settings: [String: String], logs: TemporaryDirectory
  ) throws -> ServerProcess {
    var environment = [
      "HOLDFAST_PORT": "0", "HOLDFAST_REDIS_URL": redisURL, "HOLDFAST_ADMIN_TOKEN": adminToken,
    ]
    for (name, value) in settings { environment["HOLDFAST_\(name)"] = value }
    // A file of tokens is given instead of the one token, not beside it.
    if settings["ADMIN_TOKENS_FILE"] != nil { environment["HOLDFAST_ADMIN_TOKEN"] = nil }
    return try ServerProcess(executable, [], environment: environment, logFile: logs.url.appending(path: "node.log"))
  }

  package func send(_ request: TestRequest, within limit: Duration = .seconds(10)) async throws -> TestAnswer {
    try await client.send(request, within: limit)
  }

  package func waitUntilReady(within limit: Duration = .seconds(20)) async throws {
    try await eventually("the node is ready", within: limit) { await isReady }
  }

  package var isReady: Bool {
    get async { (try? await send(TestRequest("GET", "/health/ready")))?.status == 200 }
  }

  package var log: String { process.log }

  /// SwiftPM puts it beside the tests.
  private static var executable: URL {
    let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return tests.deletingLastPathComponent().appending(path: "holdfast-node")
  }

  /// The node tells in its log where it listens: `… "message":"serving", … "address":"[IPv4]127.0.0.1:8080" …`.
  private static func listeningPort(in log: String) -> Int? {
    for line in log.split(separator: "\n") where line.contains("\"serving\"") {
      let record = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let address = record?["address"] as? String
      if let port = address?.split(separator: ":").last.flatMap({ Int($0) }) { return port }
    }
    return nil
  }
}
