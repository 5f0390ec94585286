extension SettingsReader {
  /// Bearer tokens: one from the environment, or a file of `name:token` lines.
  ///
  /// - Parameter consequence: what follows if there are none, for operators.
  package mutating func readTokens(
    _ tokenKey: String, _ fileKey: String, without consequence: String
  ) throws(SettingsError) -> AccessTokens {
    let token = try readSecret(
      tokenKey, .token,
      help: "A bearer token, named \(AccessTokens.defaultName); with none at all \(consequence)")
    let path = try readOptional(
      fileKey, .text("a path"), from: [.environment, .file],
      help: "File of name:token lines, instead of \(tokenKey)")
    guard let path else { return token.map { AccessTokens(token: $0) } ?? AccessTokens() }
    guard token == nil else {
      throw SettingsError("settings \(tokenKey) and \(fileKey): only one of them may be given")
    }
    tokenPaths[fileKey] = path
    return try AccessTokens(path: path, setting: fileKey)
  }

  /// The one token that the processes of a cluster share, from the environment or a file that holds nothing else.
  /// Nil if there is none.
  package mutating func readSharedToken(
    _ tokenKey: String, _ fileKey: String, help: String
  ) throws(SettingsError) -> String? {
    let token = try readSecret(tokenKey, .token, help: help)
    let path = try readOptional(
      fileKey, .text("a path"), from: [.environment, .file], help: "File of that token, instead of \(tokenKey)")
    guard let path else { return token }
    guard token == nil else {
      throw SettingsError("settings \(tokenKey) and \(fileKey): only one of them may be given")
    }
    tokenPaths[fileKey] = path
    return try FileContents.readSharedToken(path, setting: fileKey)
  }

  /// The files that tokens have been read from so far.
  package var tokenFiles: TokenFiles { TokenFiles(paths: tokenPaths) }
}

extension FileContents {
  /// The whole of the file that a setting names.
  static func read(_ path: String, setting: String) throws(SettingsError) -> [UInt8] {
    do {
      return try read(path)
    } catch {
      throw SettingsError("setting \(setting): file \(SettingsError.quoted(path)): \(error.reason)")
    }
  }

  static func readSharedToken(_ path: String, setting: String) throws(SettingsError) -> String {
    let text = String(decoding: try read(path, setting: setting), as: UTF8.self)
    let written = text.last?.isNewline == true ? String(text.dropLast()) : text
    guard AccessTokens.isToken(written) else {
      throw SettingsError("setting \(setting): file \(SettingsError.quoted(path)): must hold \(AccessTokens.tokenRule)")
    }
    return written
  }
}

extension AccessTokens {
  init(path: String, setting: String) throws(SettingsError) {
    let text = String(decoding: try FileContents.read(path, setting: setting), as: UTF8.self)
    func failure(_ reason: String) -> SettingsError {
      SettingsError("setting \(setting): file \(SettingsError.quoted(path)): \(reason)")
    }
    do {
      try self.init(list: text)
    } catch {
      throw failure(error.reason)
    }
    // An empty file must not pass for "no tokens": that would open the shop.
    guard !isEmpty else { throw failure("holds no token") }
  }
}

extension SettingForm<String> {
  fileprivate static var token: Self {
    Self(AccessTokens.tokenRule) { AccessTokens.isToken($0) ? $0 : nil }
  }
}
