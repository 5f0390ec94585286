import Common
import Foundation
import Hummingbird
import HummingbirdTesting
import NIOCore
import TestSupport

@testable import Coordinator

/// The coordinator's site over a cluster that the test defines.
struct SiteBench {
  static let adminToken = "admin-token-of-the-tests"
  static let clusterToken = "cluster-token-of-the-tests"

  let cluster: SampleCluster
  let site: Site
  let metrics = PrometheusRegistry()
  let log = LogRecorder()
  /// Stands still unless a test moves it, so that no limit depends on the speed of the test.
  let clock = SteppedClock()

  init(
    _ view: ClusterView = Scenes.allUp, adminTokens: AccessTokens? = nil, clusterToken: String? = clusterToken,
    base: BasePath = .root, proxies: TrustedProxies = TrustedProxies(nil)
  ) throws {
    cluster = SampleCluster(view)
    let tokens = try adminTokens ?? AccessTokens(list: "alice:\(Self.adminToken)")
    site = try Site(
      watch: cluster, adminTokens: tokens, clusterToken: clusterToken, base: base, proxies: proxies,
      metrics: metrics,
      logger: log.logger, now: clock.now)
  }

  func test(
    _ setup: TestingSetup = .router, _ test: @Sendable @escaping (any TestClientProtocol) async throws -> Void
  ) async throws {
    try await site.server(host: "127.0.0.1", port: 0, maxConnections: 500).test(setup) { try await test($0) }
  }

  static let announcement =
    #"{"id":"node-4","bootId":"b4","url":"http://10.0.0.4:8080","version":"0.1.0","state":"serving"}"#
}

extension TestClientProtocol {
  /// Sends a request as an operator or a node would.
  func send(
    _ method: HTTPRequest.Method, _ path: String, token: String? = nil, json: String? = nil,
    form: String? = nil, headers: [String: String] = [:]
  ) async throws -> TestResponse {
    var fields = HTTPFields()
    if let token { fields[.authorization] = "Bearer \(token)" }
    if json != nil { fields[.contentType] = "application/json" }
    if form != nil { fields[.contentType] = "application/x-www-form-urlencoded" }
    for (name, value) in headers { fields[.init(name)!] = value }
    return try await execute(
      uri: path, method: method, headers: fields, body: (json ?? form).map { ByteBuffer(string: $0) })
  }

  /// Logs in and returns what a browser then holds.
  func logIn(_ token: String = SiteBench.adminToken, base: String = "") async throws -> LoggedIn {
    let answer = try await send(.post, "\(base)/login", form: "token=\(token)")
    guard let cookie = answer.headers[.setCookie]?.prefix(while: { $0 != ";" }) else {
      throw LoggedIn.Failed(status: answer.status.code)
    }
    let page = try await send(.get, "\(base)/", headers: ["Cookie": String(cookie)])
    let token = page.text.firstMatch(of: #/name="formToken" value="([0-9a-f]{32})"/#)?.output.1
    return LoggedIn(cookie: String(cookie), formToken: token.map(String.init) ?? "")
  }
}

struct LoggedIn {
  struct Failed: Error {
    let status: Int
  }

  let cookie: String
  let formToken: String
  var form: String { "formToken=\(formToken)" }
}

extension TestResponse {
  var text: String { String(buffer: body) }

  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body.readableBytesView))) as? [String: Any] ?? [:]
  }

  /// The name of the problem. Nil if the body is no problem document, or if its status differs from the answer's.
  var problem: String? {
    guard headers[.contentType] == "application/problem+json", json["status"] as? Int == status.code,
      let type = json["type"] as? String, (json["detail"] as? String)?.isEmpty == false
    else { return nil }
    return type.split(separator: ":").last.map(String.init)
  }
}

extension LogRecorder {
  func lines(with text: String) -> [String] { all.filter { $0.contains(text) } }
}
