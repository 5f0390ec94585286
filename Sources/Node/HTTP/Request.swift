import Common
import NIOCore

/// A request that may be served, with its whole body.
struct Request: Sendable {
  var operation: Operation
  /// The SKU or reservation id in the path, as the client wrote it.
  var parameter: String
  /// What follows the `?`.
  var query: Substring
  var id: String
  var context: CallContext
  var body: ByteBuffer

  /// A query parameter, percent-decoded; the last one if it is given twice.
  func queryValue(_ name: String) -> String? {
    query.split(separator: "&").last { $0.prefix { $0 != "=" } == name }
      .map { $0.drop { $0 != "=" }.dropFirst().percentDecoded }
  }
}

extension Request {
  /// - Parameter arrival: when the request was complete.
  init(_ admission: ValidatedHead.Admission, id: String, arrival: NIODeadline, body: ByteBuffer) {
    operation = admission.operation
    (parameter, query, self.id, self.body) = (admission.parameter, admission.query, id, body)
    context = CallContext(caller: admission.caller, keyText: admission.keyText, arrival: arrival)
  }
}

/// An answer, on its way to bytes.
struct Response: Sendable {
  /// What became of the request, for metrics.
  enum Outcome: Hashable, Sendable {
    case ok, replayed
    case problem(ProblemKind)

    var label: String {
      switch self {
      case .ok: "ok"
      case .replayed: "replayed"
      case .problem(let kind): kind.name
      }
    }
  }

  enum ContentType: String, Sendable {
    case json = "application/json"
    case problem = "application/problem+json"
    case yaml = "application/yaml"
    case prometheus = "text/plain; version=0.0.4; charset=utf-8"
  }

  var status: Int
  var contentType = ContentType.json
  var body = ByteBuffer()
  var outcome = Outcome.ok
  /// Further headers; names and values are ours and need no escaping.
  var headers: [Header] = []
  /// What stands behind a problem, for the log.
  var cause: String?

  struct Header: Sendable {
    var name: StaticString
    var value: String

    init(_ name: StaticString, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  static func json(_ status: Int = 200, _ body: ByteBuffer, isReplay: Bool = false) -> Response {
    var response = Response(status: status, body: body)
    if isReplay { response.markReplayed() }
    return response
  }

  mutating func markReplayed() {
    outcome = .replayed
    headers.append(Header("Idempotent-Replayed", "true"))
  }

  static func problem(_ problem: Problem, headers: [Header] = []) -> Response {
    var response = Response(
      status: problem.kind.status, contentType: .problem, body: problem.document, outcome: .problem(problem.kind),
      headers: headers, cause: problem.cause)
    if let seconds = problem.retryAfter { response.headers.append(Header("Retry-After", String(seconds))) }
    return response
  }
}
