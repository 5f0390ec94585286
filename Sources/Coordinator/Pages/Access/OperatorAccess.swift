import Common
import Hummingbird

/// Who may change something: whoever has an admin token and sends it with the request, or logged in on the page with
/// it.
struct OperatorAccess: Sendable {
  /// The field that shows that a form is from a page of ours.
  static let formField = "formToken"

  /// Random, since cookies know no ports: two coordinators on one host must not share a name. Sessions end with the
  /// process, and so does the name.
  let cookieName = "holdfast_session_" + String(UInt32.random(in: .min ... .max), radix: 16)
  let tokens: Replaceable<AccessTokens>
  let sessions: Sessions
  let attempts: AttemptLimit

  var isDisabled: Bool { tokens.current.isEmpty }

  func session(of request: Request) -> Sessions.Session? {
    request.cookie(cookieName).flatMap { sessions.session($0) }
  }

  /// The name of the operator who asks for a change.
  func operatorName(for request: Request, form: [String: String], caller: String) throws(Problem) -> String {
    if let token = request.bearerToken { return try name(of: token, caller: caller) }
    try requireEnabled()
    guard let session = session(of: request) else {
      throw Problem(.unauthorized, "Send \"Authorization: Bearer\" with an admin token, or log in on the page.")
    }
    try require(session, form)
    return session.operatorName
  }

  func logIn(token: String, caller: String) throws(Problem) -> Sessions.Session {
    sessions.begin(operatorName: try name(of: token, caller: caller))
  }

  func require(_ session: Sessions.Session, _ form: [String: String]) throws(Problem) {
    guard let presented = form[Self.formField], session.accepts(formToken: presented) else {
      throw Problem(.unauthorized, "This form is not from a page of this log-in: load the page again.")
    }
  }

  private func name(of token: some StringProtocol, caller: String) throws(Problem) -> String {
    try requireEnabled()
    guard let name = tokens.current.name(for: token) else {
      guard !attempts.failed("a wrong admin token", caller: caller) else {
        throw Problem(.overloaded, "Too many wrong tokens from your address: try again in a second.", retryAfter: 1)
      }
      throw Problem(.unauthorized, "This is not an admin token.")
    }
    return name
  }

  private func requireEnabled() throws(Problem) {
    guard !isDisabled else {
      throw Problem(.adminDisabled, "No admin token is configured: nothing can be changed here.")
    }
  }
}
