import Common

/// What the head of a request says, and what is to become of the request (``RequestValidator``).
struct ValidatedHead: Sendable {
  enum Decision: Sendable {
    case refused(Response, RefusalTime)
    case admitted(Admission)
  }

  /// When a refusal is told.
  enum RefusalTime: Sendable {
    /// Now, and the connection ends: what follows the head would be of no use, or could not be told from the body.
    case atOnce
    /// When the body has come, which is dropped; before that if it is too large. A client that waits to be asked for
    /// its body (`Expect`) is told at once.
    case afterBody
    /// When the body has come and is not too large, for that would be told instead. A client that waits is asked for
    /// its body.
    case afterBodyOfGoodSize
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
    case .refused(let refusal, .atOnce), .refused(let refusal, .afterBody): refusal
    case .refused(_, .afterBodyOfGoodSize), .admitted: nil
    }
  }
}
