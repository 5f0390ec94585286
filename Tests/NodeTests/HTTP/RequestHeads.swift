import NIOHTTP1

@testable import Node

extension HTTPRequestHead {
  /// A request head with a `Host`, unless one is given.
  static func make(_ method: HTTPMethod, _ uri: String, _ fields: [(String, String)] = []) -> HTTPRequestHead {
    let host = fields.contains { $0.0.lowercased() == "host" } ? [] : [("Host", "shop")]
    return HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: HTTPHeaders(host + fields))
  }
}

extension ValidatedHead {
  /// The response to a refused request, at whatever time it is given.
  var anyRefusal: Response? {
    switch decision {
    case .refused(let refusal, _): refusal
    case .admitted: nil
    }
  }

  var admission: Admission? { if case .admitted(let admission) = decision { admission } else { nil } }

  /// The status of the refusal. Nil if the request is accepted.
  var status: Int? { anyRefusal?.status }

  func refusalHeader(_ name: String) -> String? {
    anyRefusal?.headers.first { "\($0.name)" == name }?.value
  }
}
