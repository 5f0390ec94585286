import NIOHTTP1

@testable import Node

extension HTTPRequestHead {
  /// A request head with a `Host`, unless one is given.
  static func make(_ method: HTTPMethod, _ uri: String, _ fields: [(String, String)] = []) -> HTTPRequestHead {
    let host = fields.contains { $0.0.lowercased() == "host" } ? [] : [("Host", "shop")]
    return HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(host + fields))
  }
}

extension RequestGate.Verdict {
  /// The status of the refusal, or of the fault that is told once the body is there; nil if the request is let through.
  var status: Int? { refusal?.status ?? keyFault.map { _ in 400 } }

  func refusalHeader(_ name: String) -> String? {
    refusal?.headers.first { "\($0.name)" == name }?.value
  }
}
