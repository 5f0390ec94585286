import Logging

/// A log record as a line of JSON.
enum LogLine {
  /// The members that every line has; metadata of these names is moved out of their way.
  private static let fixedMembers: Set<String> = ["timestamp", "level", "label", "message"]

  private static let hexDigits = Array("0123456789abcdef".utf8)

  static func encode(
    epochMilliseconds: Int64, level: Logger.Level, label: String, message: String,
    metadata: Logger.Metadata
  ) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(256)
    line.append(contentsOf: #"{"timestamp":""#.utf8)
    RFC3339.append(epochMilliseconds: epochMilliseconds, to: &line)
    line.append(contentsOf: #"","level":""#.utf8)
    line.append(contentsOf: level.rawValue.utf8)
    line.append(contentsOf: #"","label":"#.utf8)
    appendString(label, to: &line)
    line.append(contentsOf: #","message":"#.utf8)
    appendString(message, to: &line)
    for (name, value) in flattened(metadata).sorted(by: { $0.key < $1.key }) {
      line.append(UInt8(ascii: ","))
      appendString(fixedMembers.contains(name) ? "metadata." + name : name, to: &line)
      line.append(UInt8(ascii: ":"))
      appendValue(value, to: &line)
    }
    line.append(contentsOf: "}\n".utf8)
    return line
  }

  /// Nested metadata under dotted names: `redis: {host: …}` becomes `redis.host: …`.
  private static func flattened(_ metadata: Logger.Metadata) -> Logger.Metadata {
    var flat: Logger.Metadata = [:]
    for (name, value) in metadata {
      guard case .dictionary(let nested) = value else {
        flat[name] = value
        continue
      }
      for (inner, value) in flattened(nested) { flat["\(name).\(inner)"] = value }
    }
    return flat
  }

  private static func appendValue(_ value: Logger.MetadataValue, to line: inout [UInt8]) {
    switch value {
    case .string(let text): appendString(text, to: &line)
    case .stringConvertible(let value): appendConvertible(value, to: &line)
    case .array(let values):
      appendList(values, between: "[", "]", to: &line) { appendValue($0, to: &$1) }
    case .dictionary(let members):
      let sorted = members.sorted { $0.key < $1.key }
      appendList(sorted, between: "{", "}", to: &line) { member, line in
        appendString(member.key, to: &line)
        line.append(UInt8(ascii: ":"))
        appendValue(member.value, to: &line)
      }
    }
  }

  private static func appendList<Element>(
    _ elements: [Element], between opening: String, _ closing: String, to line: inout [UInt8],
    append: (Element, inout [UInt8]) -> Void
  ) {
    line.append(contentsOf: opening.utf8)
    for (index, element) in elements.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      append(element, &line)
    }
    line.append(contentsOf: closing.utf8)
  }

  /// Numbers and truth values stay what they are, so that logs can be filtered and summed by them.
  private static func appendConvertible(
    _ value: any CustomStringConvertible, to line: inout [UInt8]
  ) {
    switch value {
    case is any BinaryInteger, is Bool: line.append(contentsOf: value.description.utf8)
    case let value as Double where value.isFinite: line.append(contentsOf: value.description.utf8)
    default: appendString(value.description, to: &line)
    }
  }

  private static func appendString(_ text: String, to line: inout [UInt8]) {
    line.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        line.append(UInt8(ascii: "\\"))
        line.append(byte)
      case UInt8(ascii: "\n"): line.append(contentsOf: #"\n"#.utf8)
      case 0..<0x20, 0x7F:
        line.append(contentsOf: #"\u00"#.utf8)
        line.append(hexDigits[Int(byte >> 4)])
        line.append(hexDigits[Int(byte & 15)])
      default: line.append(byte)
      }
    }
    line.append(UInt8(ascii: "\""))
  }
}
