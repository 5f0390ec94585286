/// Where a process of ours serves: a scheme, a host and a port, and nothing else.
///
/// Whatever could be read in two ways is refused, since libcurl reads it too.
package struct ServerURL: Equatable, Sendable {
  package static let rule = "http:// or https://, a host name or address, a port or none, at most \(maxBytes) bytes"
  private static let maxBytes = 300

  /// Without a slash at the end.
  package let text: String

  package init?(_ url: String) {
    guard url.utf8.count <= Self.maxBytes else { return nil }
    let lowercased = url.lowercased()
    guard let scheme = ["http://", "https://"].first(where: { lowercased.hasPrefix($0) }) else { return nil }
    var place = lowercased.dropFirst(scheme.count)
    if place.hasSuffix("/") { place.removeLast() }
    guard let (host, port) = Self.parts(of: place), Self.isHost(host) else { return nil }
    if let port {
      guard port.utf8.allSatisfy(Self.isDigit), let number = UInt16(port), number > 0 else { return nil }
    }
    text = scheme + place
  }

  private static func parts(of place: Substring) -> (host: Substring, port: Substring?)? {
    // An IPv6 address stands in brackets, since it has colons of its own.
    if place.hasPrefix("[") {
      guard let end = place.firstIndex(of: "]") else { return nil }
      let rest = place[place.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
      return (place[...end], rest.isEmpty ? nil : rest.dropFirst())
    }
    guard let colon = place.firstIndex(of: ":") else { return (place, nil) }
    return (place[..<colon], place[place.index(after: colon)...])
  }

  private static func isHost(_ host: Substring) -> Bool {
    if host.hasPrefix("[") {
      let address = host.dropFirst().dropLast()
      return !address.isEmpty && address.utf8.allSatisfy { isDigit($0) || "abcdef:.".utf8.contains($0) }
    }
    return (1...253).contains(host.utf8.count) && host.utf8.allSatisfy(isOfName)
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || "-._".utf8.contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
