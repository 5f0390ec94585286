/// The files that tokens were read from, so that they can be read anew.
package struct TokenFiles: Sendable {
  package struct Contents: Equatable, Sendable {
    package var admin: AccessTokens
    package var client: AccessTokens
    /// The one that the processes of a cluster share.
    package var cluster: String?

    package init(admin: AccessTokens, client: AccessTokens = AccessTokens(), cluster: String?) {
      (self.admin, self.client, self.cluster) = (admin, client, cluster)
    }
  }

  /// The paths of the files that were given, by the keys of their settings.
  private let paths: [String: String]

  init(paths: [String: String] = [:]) { self.paths = paths }

  package var isEmpty: Bool { paths.isEmpty }

  /// What the files say now. What did not come from a file stays as it is in `current`.
  ///
  /// - Throws: for the first file that cannot be used.
  package func read(over current: Contents) throws(SettingsError) -> Contents {
    var contents = current
    if let path = paths["adminTokensFile"] { contents.admin = try AccessTokens(path: path, setting: "adminTokensFile") }
    if let path = paths["clientTokensFile"] {
      contents.client = try AccessTokens(path: path, setting: "clientTokensFile")
    }
    if let path = paths["clusterTokenFile"] {
      contents.cluster = try FileContents.readSharedToken(path, setting: "clusterTokenFile")
    }
    try contents.check()
    return contents
  }
}

extension TokenFiles.Contents {
  /// - Throws: if they do not go together.
  package func check() throws(SettingsError) {
    if admin.sharesToken(with: client) {
      throw SettingsError("settings adminToken and clientToken: no token may be both")
    }
  }

  /// The names of tokens that are easily guessed, by their settings. A token without a name has none in its list.
  package var short: [(setting: String, names: [String])] {
    let named = [("adminToken", admin.namesOfShort), ("clientToken", client.namesOfShort)].filter { !$0.1.isEmpty }
    let isShort = cluster.map { $0.utf8.count < AccessTokens.goodLength } ?? false
    return named.map { (setting: $0.0, names: $0.1) } + (isShort ? [(setting: "clusterToken", names: [])] : [])
  }
}

/// Neither a log nor a dump tells a token.
extension TokenFiles.Contents: CustomStringConvertible, CustomReflectable {
  package var description: String { "TokenFiles.Contents" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
