/// A node process.
package final class NodeUnderTest: ServerUnderTest {
  package static let adminToken = "admin-token-of-the-tests"

  package let process: ServerProcess
  package let port: Int
  package let client: TestHTTPClient
  private let directory: TemporaryDirectory

  /// Starts a node on a free port and returns as soon as it listens, whether or not it has found its Redis.
  ///
  /// - Parameter settings: by their names without `HOLDFAST_`, for example `["DRAIN_DELAY": "1"]`.
  package init(
    redisURL: String, settings: [String: String] = [:], surroundings: Surroundings = Surroundings()
  ) async throws {
    directory = try TemporaryDirectory()
    process = try Self.start(redisURL: redisURL, settings: settings, surroundings: surroundings, logs: directory)
    port = try await process.listeningPort(
      given: surroundings.standardError == nil ? nil : settings["PORT"])
    client = TestHTTPClient(port: port)
  }

  /// Starts a node without waiting for its port, for one that is expected to end by itself.
  package static func start(
    redisURL: String, settings: [String: String], surroundings: Surroundings = Surroundings(),
    logs: TemporaryDirectory
  ) throws -> ServerProcess {
    var all = ["PORT": "0", "REDIS_URL": redisURL, "ADMIN_TOKEN": adminToken].merging(settings) { $1 }
    // A file of tokens replaces the token: both may not be set.
    if settings["ADMIN_TOKENS_FILE"] != nil { all["ADMIN_TOKEN"] = nil }
    return try .start("holdfast-node", settings: all, surroundings: surroundings, logs: logs)
  }
}
