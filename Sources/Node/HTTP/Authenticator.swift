import Common

/// Who may call what: bearer tokens of administrators and of clients.
struct Authenticator: Sendable {
  var adminTokens: AccessTokens
  var clientTokens: AccessTokens

  /// The name of the caller, or why it may not call this.
  ///
  /// - Parameter authorization: the header field, nil if there is none.
  func admit(_ operation: Operation, _ authorization: String?) -> Result<String, Problem> {
    let tokens: AccessTokens
    switch operation.access {
    case .everyone: return .success(CallContext.anyone)
    case .shop:
      guard !clientTokens.isEmpty else { return .success(CallContext.anyone) }
      tokens = clientTokens
    case .admin:
      guard !adminTokens.isEmpty else {
        return .failure(Problem(.adminDisabled, "Admin calls need an admin token, and the node was given none."))
      }
      tokens = adminTokens
    }
    guard let presented = authorization?.bearerToken, let name = tokens.name(for: presented) else {
      return .failure(Problem(.unauthorized, "Send \"Authorization: Bearer\" with a valid token for this call."))
    }
    return .success(name)
  }
}

extension String {
  /// The token of `Bearer <token>`, the scheme in any case.
  fileprivate var bearerToken: String? {
    let parts = split(separator: " ", maxSplits: 1)
    guard parts.count == 2, String(parts[0]).isField("bearer") else { return nil }
    return String(parts[1].drop { $0 == " " })
  }
}
