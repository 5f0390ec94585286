import Logging
import NIOCore

/// A log record as a line of JSON.
enum LogLine {
  /// The members that every line has; metadata of these names is moved out of their way.
  private static let fixedMembers = ["timestamp", "level", "label", "message"]

  static func encode(
    epochMilliseconds: Int64, level: Logger.Level, label: String, message: String,
    metadata: Logger.Metadata
  ) -> ByteBuffer {
    var line = ByteBufferAllocator().buffer(capacity: 512)
    line.writeStaticString(#"{"timestamp":""#)
    line.writeRFC3339(epochMilliseconds)
    line.writeStaticString(#"","level":""#)
    line.writeString(level.rawValue)
    line.writeStaticString(#"","label":"#)
    line.writeJSONString(label)
    line.writeStaticString(#","message":"#)
    line.writeJSONString(message)
    var previous: String?
    for (name, value) in members(of: metadata) where name != previous {
      line.writeStaticString(",")
      line.writeJSONString(name)
      line.writeStaticString(":")
      line.writeMetadata(value)
      previous = name
    }
    line.writeStaticString("}\n")
    return line
  }

  /// The members that metadata becomes, sorted by name: a name given twice is its own neighbour.
  private static func members(of metadata: Logger.Metadata) -> [(String, Logger.MetadataValue)] {
    var members: [(String, Logger.MetadataValue)] = []
    members.reserveCapacity(metadata.count)
    for (name, value) in metadata {
      flatten(value, under: fixedMembers.contains(name) ? "metadata." + name : name, to: &members)
    }
    members.sort { $0.0 < $1.0 }
    return members
  }

  /// Nested metadata under dotted names: `redis: {host: …}` becomes `redis.host: …`.
  private static func flatten(
    _ value: Logger.MetadataValue, under name: String,
    to members: inout [(String, Logger.MetadataValue)]
  ) {
    guard case .dictionary(let nested) = value else {
      members.append((name, value))
      return
    }
    for (inner, value) in nested { flatten(value, under: "\(name).\(inner)", to: &members) }
  }
}

extension ByteBuffer {
  fileprivate mutating func writeMetadata(_ value: Logger.MetadataValue) {
    switch value {
    case .string(let text): writeJSONString(text)
    case .stringConvertible(let value): writeConvertible(value)
    case .array(let values): writeJSONArray(values) { $0.writeMetadata($1) }
    // Only within an array, where no name can take the dots.
    case .dictionary(let members): writeJSONString(members.description)
    }
  }

  /// Numbers and truth values stay what they are, so that logs can be filtered and summed by them.
  private mutating func writeConvertible(_ value: any CustomStringConvertible) {
    switch value {
    case is Int, is Int64, is Int32, is UInt, is UInt64, is UInt32, is Bool: writeString(value.description)
    case is any FixedWidthInteger: writeString(value.description)
    case let value as Double where value.isFinite: writeString(value.description)
    default: writeJSONString(value.description)
    }
  }
}
