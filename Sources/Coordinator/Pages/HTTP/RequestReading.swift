import Common
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// The request line and all headers.
  static let maxHeadBytes = 16 * 1024
  /// No call here needs a longer body.
  static let maxBodyBytes = 8 * 1024

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

  var expectsWhatIsNotMet: Bool {
    headers[values: .expect].contains { !$0.isEmpty && $0.lowercased() != "100-continue" }
  }

  /// The clients that proxies name. Each proxy adds the address that asked it.
  var forwardedFor: String? {
    let lists = headers[values: .xForwardedFor]
    return lists.isEmpty ? nil : lists.joined(separator: ",")
  }

  /// `text/html` of `text/html; charset=utf-8`.
  private var mediaType: String? {
    headers[.contentType]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
  }

  var isForm: Bool { mediaType == "application/x-www-form-urlencoded" }

  /// Whether a person asks by a form of the page. Then the answer is to be a page too.
  var wantsPage: Bool { isForm && acceptsPage }

  /// Whether a person looks for something here.
  var looksForPage: Bool { method == .get && acceptsPage }

  private var acceptsPage: Bool { headers[.accept]?.contains("text/html") == true }

  /// The whole body.
  func bytes() async throws -> ByteBuffer {
    if let coding = headers[.contentEncoding], coding.lowercased() != "identity" {
      throw Problem(
        .unsupportedMediaType, "Content-Encoding must be identity: bodies are taken as they are, not compressed.")
    }
    do {
      return try await body.collect(upTo: Self.maxBodyBytes)
    } catch is NIOTooManyBytesError {
      throw Problem(.payloadTooLarge, "The body may have at most \(Self.maxBodyBytes) bytes.")
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

extension HTTPField.Name {
  fileprivate static let xForwardedFor = Self("X-Forwarded-For")!
}
