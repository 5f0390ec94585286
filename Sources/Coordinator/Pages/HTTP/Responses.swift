import Common
import Foundation
import Hummingbird
import NIOCore

extension Response {
  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Response(
      status: status, type: "application/json", body: ByteBuffer(bytes: try encoder.encode(value)))
  }

  static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(status: status, type: "text/html; charset=utf-8", body: ByteBuffer(string: text))
  }

  init(status: HTTPResponse.Status, type: String, body: ByteBuffer) {
    self.init(status: status, headers: [.contentType: type], body: .init(byteBuffer: body))
  }
}

/// Whoever answers a request may throw what is wrong with it.
extension Problem: HTTPResponseError {
  package var status: HTTPResponse.Status { .init(code: kind.status) }

  package func response(from request: Request, context: some RequestContext) -> Response {
    var response = Response(status: status, type: "application/problem+json", body: document)
    if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
    if kind == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"holdfast\"" }
    return request.method == .head ? response.createHeadResponse() : response
  }
}
