import Common

/// What the head of a request says, and what is to become of the request (``RequestValidator``).
struct ValidatedHead: Sendable {
  enum Decision: Sendable {
    /// Answered when the body has come, which is dropped. If it `endsConnection` it is answered at once: what follows
    /// would be of no use, or could not be told from the body.
    case refused(Response, endsConnection: Bool)
    /// The same, but a body that is too large is told first.
    case refusedAfterBody(Response)
    case admitted(Admission)
  }

  /// A request that may be served, but for its body.
  struct Admission: Sendable {
    var operation: Operation
    /// The SKU or reservation id in the path, as the client wrote it.
    var parameter: String
    /// What follows the `?`.
    var query: Substring
    /// Who calls: the name of its token, or ``CallContext/anyone``.
    var caller: String
    var keyText: String?
  }

  var decision: Decision
  /// What path and method name, also of a request that is refused.
  var operation: Operation?
  /// The client's own name for the request, if it is one that can be taken over.
  var requestID: String?
  /// What `X-Forwarded-For` says; not to be believed unless a trusted proxy has said it.
  var forwardedFor: String?
  /// A token was presented, and it is none of ours.
  var hasWrongToken = false
  var expectsContinue = false
  /// Whether another request may follow on the connection.
  var keepsAlive = true
  /// The answer is to have no body.
  var isHEAD = false

  /// What is answered whatever the body may be.
  var refusal: Response? {
    switch decision {
    case .refused(let refusal, _): refusal
    case .refusedAfterBody, .admitted: nil
    }
  }
}
