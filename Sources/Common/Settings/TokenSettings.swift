extension SettingsReader {
  /// Bearer tokens: one from the environment, or a file of `name:token` lines.
  ///
  /// - Parameter consequence: what follows if there are none, for operators.
  package mutating func readTokens(
    _ tokenKey: String, _ fileKey: String, without consequence: String
  ) throws(SettingsError) -> AccessTokens {
    let token = try readSecret(
      tokenKey, .tokenOrNone,
      help: "A bearer token, named \(AccessTokens.defaultName); with none at all \(consequence)")
    let path = try readOptional(
      fileKey, .text("a path"), from: [.environment, .file],
      help: "File of name:token lines, instead of \(tokenKey)")
    guard let path else {
      return if let token, !token.isEmpty { AccessTokens(token: token) } else { AccessTokens() }
    }
    // Even an empty token contradicts a file: obeying either could open what was to be closed.
    guard token == nil else {
      throw SettingsError("settings \(tokenKey) and \(fileKey): only one of them may be given")
    }
    return try AccessTokens(path: path, setting: fileKey)
  }

  /// The one token that the processes of a cluster share, from the environment or a file that holds nothing else.
  /// Nil if there is none.
  package mutating func readSharedToken(
    _ tokenKey: String, _ fileKey: String, help: String
  ) throws(SettingsError) -> String? {
    let token = try readSecret(tokenKey, .tokenOrNone, help: help)
    let path = try readOptional(
      fileKey, .text("a path"), from: [.environment, .file], help: "File of that token, instead of \(tokenKey)")
    guard let path else { return token.flatMap { $0.isEmpty ? nil : $0 } }
    guard token == nil else {
      throw SettingsError("settings \(tokenKey) and \(fileKey): only one of them may be given")
    }
    let text = try FileContents.read(path, setting: fileKey)
    let written = text.last?.isNewline == true ? String(text.dropLast()) : text
    guard AccessTokens.isToken(written) else {
      throw SettingsError("setting \(fileKey): file \(SettingsError.quoted(path)): must hold \(AccessTokens.tokenRule)")
    }
    return written
  }
}

extension FileContents {
  fileprivate static func read(_ path: String, setting: String) throws(SettingsError) -> String {
    do {
      return String(decoding: try read(path), as: UTF8.self)
    } catch {
      throw SettingsError("setting \(setting): file \(SettingsError.quoted(path)): \(error.reason)")
    }
  }
}

extension AccessTokens {
  fileprivate init(path: String, setting: String) throws(SettingsError) {
    let text = try FileContents.read(path, setting: setting)
    func failure(_ reason: String) -> SettingsError {
      SettingsError("setting \(setting): file \(SettingsError.quoted(path)): \(reason)")
    }
    do {
      try self.init(list: text)
    } catch {
      throw failure(error.reason)
    }
    // Taken for "no tokens", a file that came out empty would open the shop.
    guard !isEmpty else { throw failure("holds no token") }
  }
}

extension SettingForm<String> {
  /// A token, or an empty text for none.
  fileprivate static var tokenOrNone: Self {
    Self("\(AccessTokens.tokenRule), or empty for none") { text in
      text.isEmpty || AccessTokens.isToken(text) ? text : nil
    }
  }
}
