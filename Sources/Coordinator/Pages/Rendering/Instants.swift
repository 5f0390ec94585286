import Common

/// Instants on the page: absolute, and as an age that grows while one looks.
struct Instants {
  /// Milliseconds since 1970.
  let now: Int64

  /// - Parameter text: the time of a view. The registry writes it, so it is always an instant.
  init(now text: String) { now = RFC3339.epochMilliseconds(of: text) ?? 0 }

  /// Nil if the text is no instant.
  func fields(_ text: String?) -> Fields? {
    guard let text, let epoch = RFC3339.epochMilliseconds(of: text) else { return nil }
    let (iso, today) = (RFC3339.string(epochMilliseconds: epoch), RFC3339.string(epochMilliseconds: now))
    let full = Self.full(epoch)
    return [
      "iso": iso, "full": full, "clock": iso.prefix(10) == today.prefix(10) ? Self.clock(epoch) : full,
      "epoch": epoch, "age": Wording.duration(milliseconds: Int(now - epoch)),
    ]
  }

  /// Date and time of day.
  static func full(_ epochMilliseconds: Int64) -> String {
    let iso = RFC3339.string(epochMilliseconds: epochMilliseconds)
    return "\(iso.prefix(10)) \(iso.dropFirst(11).prefix(8))"
  }

  /// Date and time of day; nil if the text is no instant.
  static func full(_ text: String) -> String? { RFC3339.epochMilliseconds(of: text).map { full($0) } }

  /// The time of day.
  static func clock(_ epochMilliseconds: Int64) -> String {
    String(RFC3339.string(epochMilliseconds: epochMilliseconds).dropFirst(11).prefix(8))
  }
}
