import Common
import Foundation
import Hummingbird
import NIOCore

extension Request {
  /// The most bytes of a body: no call here needs more.
  static let bodyLimit = 8 * 1024

  /// The token of `Authorization: Bearer <token>`, the scheme in any case.
  var bearerToken: Substring? {
    let parts = headers[.authorization]?.split(separator: " ", maxSplits: 1) ?? []
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return parts[1]
  }

  /// The value of a cookie.
  func cookie(_ name: String) -> Substring? {
    for header in headers[values: .cookie] {
      for pair in header.split(separator: ";") {
        let pair = pair.drop(while: \.isWhitespace)
        if pair.hasPrefix("\(name)=") { return pair.dropFirst(name.utf8.count + 1) }
      }
    }
    return nil
  }

  /// `text/html` of `text/html; charset=utf-8`.
  private var mediaType: String? {
    headers[.contentType]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
  }

  var isForm: Bool { mediaType == "application/x-www-form-urlencoded" }

  /// Whether a person asks, by a form of the page: the answer is to be a page too.
  var wantsPage: Bool { isForm && headers[.accept]?.contains("text/html") == true }

  /// The whole body.
  func bytes() async throws -> ByteBuffer {
    do {
      return try await body.collect(upTo: Self.bodyLimit)
    } catch is NIOTooManyBytesError {
      throw Problem(.payloadTooLarge, "The body may have at most \(Self.bodyLimit) bytes.")
    }
  }

  /// The whole body as a JSON document.
  func json() async throws -> JSONValue {
    guard mediaType == "application/json" else {
      throw Problem(.unsupportedMediaType, "Send the body with \"Content-Type: application/json\".")
    }
    let body = try await bytes()
    do {
      return try body.withUnsafeReadableBytes { bytes throws(JSONValue.SyntaxError) in
        try JSONValue(parsing: bytes)
      }
    } catch {
      throw Problem.invalid([Fault("#", "no valid JSON: \(error.reason) (byte \(error.offset))")])
    }
  }

  /// The fields of a form; none if the body is no form.
  func form() async throws -> [String: String] {
    guard isForm else { return [:] }
    let text = String(buffer: try await bytes())
    return (try? URLEncodedFormDecoder().decode([String: String].self, from: text)) ?? [:]
  }
}

extension SiteContext {
  /// A part of the path that the route names, decoded.
  func pathPart(_ name: String) throws(Problem) -> String {
    guard let part = parameters.get(name)?.removingPercentEncoding, !part.isEmpty else {
      throw Problem(.notFound, "The path is not percent-encoded UTF-8.")
    }
    return part
  }
}
