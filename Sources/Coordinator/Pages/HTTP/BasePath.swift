import Hummingbird

/// The path below which browsers see the coordinator, where a proxy in front of it serves other things too.
///
/// All that pages refer to lies below it. Requests may have it or not: some proxies leave it out, and nodes and
/// Prometheus use no proxy.
struct BasePath: Equatable, Sendable {
  static let rule = "a path like /holdfast, of A-Z a-z 0-9 . _ ~ - and /, at most \(maxBytes) bytes"
  private static let maxBytes = 200
  static let root = BasePath(text: "")

  /// Empty, or `/holdfast`.
  let text: String

  private init(text: String) { self.text = text }

  /// - Parameter path: with or without a slash at its end; `/` for none.
  init?(_ path: String) {
    guard path.hasPrefix("/"), path.utf8.count <= Self.maxBytes else { return nil }
    guard path != "/" else {
      self = .root
      return
    }
    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    let inner = parts.last == "" ? parts.dropLast() : parts[...]
    // Browsers would resolve such a part, or read it as another host.
    guard inner.allSatisfy({ !["", ".", ".."].contains($0) && $0.utf8.allSatisfy(Self.isPlain) }) else { return nil }
    text = "/" + inner.joined(separator: "/")
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._~-".utf8.contains(byte)
    }
  }

  /// The address of a path of ours, as browsers have it.
  /// - Parameter own: begins with a slash.
  func address(_ own: String) -> String { text + own }

  /// Where cookies are sent.
  var ofCookies: String { text.isEmpty ? "/" : text }

  /// The path of ours that an address names; nil if it does not lie below.
  func own(_ address: String) -> String? {
    guard address.hasPrefix(text) else { return nil }
    let rest = address.dropFirst(text.count)
    switch rest.first {
    case "/": return String(rest)
    case nil, "?": return "/" + rest
    default: return nil
    }
  }
}

extension Request {
  func below(_ base: BasePath) -> Request {
    guard base != .root, let path = head.path, let own = base.own(path) else { return self }
    var head = head
    head.path = own
    return Request(head: head, body: body)
  }
}
