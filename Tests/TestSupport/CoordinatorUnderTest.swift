/// A coordinator process.
package final class CoordinatorUnderTest: ServerUnderTest {
  package static let clusterToken = "cluster-token-of-the-tests"

  package let process: ServerProcess
  package let port: Int
  package let client: TestHTTPClient
  private let directory: TemporaryDirectory

  /// Starts a coordinator on a port of its own and returns as soon as it listens. It has the nodes' admin token.
  ///
  /// - Parameters:
  ///   - settings: by their names without `HOLDFAST_`, for example `["MAX_NODES": "1"]`.
  ///   - environment: what it has beside them.
  package init(settings: [String: String] = [:], environment: [String: String] = [:]) async throws {
    directory = try TemporaryDirectory()
    let own = ["PORT": "0", "ADMIN_TOKEN": NodeUnderTest.adminToken, "CLUSTER_TOKEN": Self.clusterToken]
    process = try .start(
      "holdfast-coordinator", settings: own.merging(settings) { $1 }, environment: environment, logs: directory)
    port = try await process.listeningPort()
    client = TestHTTPClient(port: port)
  }
}
