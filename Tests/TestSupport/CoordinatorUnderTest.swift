/// A coordinator process.
package final class CoordinatorUnderTest: ServerUnderTest {
  package static let clusterToken = "cluster-token-of-the-tests"

  package let process: ServerProcess
  package let port: Int
  package let client: TestHTTPClient
  private let directory: TemporaryDirectory

  /// Starts a coordinator on a free port and returns as soon as it listens. It has the nodes' admin token.
  ///
  /// - Parameters:
  ///   - settings: by their names without `HOLDFAST_`, for example `["MAX_NODES": "1"]`.
  ///   - environment: further environment variables.
  package init(
    settings: [String: String] = [:], environment: [String: String] = [:], surroundings: Surroundings = Surroundings()
  ) async throws {
    directory = try TemporaryDirectory()
    var own = ["PORT": "0", "ADMIN_TOKEN": NodeUnderTest.adminToken, "CLUSTER_TOKEN": Self.clusterToken]
    // A file of tokens replaces the token: both may not be set.
    if settings["ADMIN_TOKENS_FILE"] != nil { own["ADMIN_TOKEN"] = nil }
    if settings["CLUSTER_TOKEN_FILE"] != nil { own["CLUSTER_TOKEN"] = nil }
    process = try .start(
      "holdfast-coordinator", settings: own.merging(settings) { $1 }, environment: environment,
      surroundings: surroundings, logs: directory)
    port = try await process.listeningPort(
      given: surroundings.standardError == nil ? nil : settings["PORT"])
    client = TestHTTPClient(port: port)
  }
}
