import Crypto

/// The bearer tokens of one kind of caller. It holds only digests, so that no dump tells a token.
package struct AccessTokens: Equatable, Sendable {
  /// Why a list of tokens cannot be used. Tells the line, but nothing of what it says.
  package struct Invalid: Error, Equatable {
    package let reason: String
  }

  /// The name of a token that is given without one.
  package static let defaultName = "default"

  /// In bytes. The log warns of shorter tokens.
  package static let goodLength = 16

  fileprivate struct Entry: Equatable {
    var name: String
    var digest: SHA256Digest
    var isShort: Bool
  }

  private var entries: [Entry] = []

  package var isEmpty: Bool { entries.isEmpty }
  /// Each once, in the order of the tokens.
  package var names: [String] { Self.once(entries.map(\.name)) }
  package var namesOfShort: [String] { Self.once(entries.filter(\.isShort).map(\.name)) }

  /// No tokens.
  package init() {}

  /// A single token, named ``defaultName``.
  package init(token: String) {
    entries = [Entry(name: Self.defaultName, token: token)]
  }

  /// Reads `name:token` lines; blank ones and those that begin with `#` are skipped.
  ///
  /// Two tokens may have one name: the old one serves until all callers have the new one.
  package init(list: String) throws(Invalid) {
    let lines = list.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      func invalid(_ reason: String) -> Invalid { Invalid(reason: "line \(index + 1): \(reason)") }
      let line = Self.trimmed(line)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let colon = line.firstIndex(of: ":") else { throw invalid("not name:token") }
      let (name, token) = (String(line[..<colon]), String(line[line.index(after: colon)...]))
      guard Self.isName(name) else {
        throw invalid(
          "the name must be \(SettingForm.name.allowed), beginning with a letter or digit")
      }
      guard Self.isToken(token) else { throw invalid("the token must be \(Self.tokenRule)") }
      let entry = Entry(name: name, token: token)
      guard entries.allSatisfy({ $0.name == name || $0.digest != entry.digest }) else {
        throw invalid("the token stands under another name already")
      }
      entries.append(entry)
    }
  }

  /// The name of the token presented, or nil if it is none of these.
  ///
  /// Takes the same time whichever token matches, and however much of it does.
  package func name(for presented: some Sequence<UInt8>) -> String? {
    let digest = Self.digest(of: presented)
    var match: Int?
    for index in entries.indices where entries[index].digest == digest { match = index }
    return match.map { entries[$0].name }
  }

  package func name(for presented: some StringProtocol) -> String? {
    name(for: presented.utf8)
  }

  /// Whether some token is in both.
  package func sharesToken(with others: AccessTokens) -> Bool {
    entries.contains { entry in others.entries.contains { $0.digest == entry.digest } }
  }
}

extension AccessTokens {
  package static let tokenRule = "1 to 512 visible ASCII characters"

  package static func isToken(_ text: String) -> Bool {
    (1...512).contains(text.utf8.count) && text.utf8.allSatisfy(\.isVisibleASCII)
  }

  private static func trimmed(_ line: Substring) -> Substring {
    let end = line.lastIndex { !$0.isWhitespace }
    return end.map { line[...$0].drop(while: \.isWhitespace) } ?? ""
  }

  private static func isName(_ text: String) -> Bool {
    SettingForm.name.parse(text) != nil && !(text.utf8.first.map("._-".utf8.contains) ?? true)
  }

  private static func once(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  fileprivate static func digest(of token: some Sequence<UInt8>) -> SHA256Digest {
    var hash = SHA256()
    let isHashed: Void? = token.withContiguousStorageIfAvailable {
      hash.update(bufferPointer: UnsafeRawBufferPointer($0))
    }
    if isHashed == nil { hash.update(data: Array(token)) }
    return hash.finalize()
  }
}

extension AccessTokens.Entry {
  fileprivate init(name: String, token: String) {
    self.init(
      name: name, digest: AccessTokens.digest(of: token.utf8), isShort: token.utf8.count < AccessTokens.goodLength)
  }
}
