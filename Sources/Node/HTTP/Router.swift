import NIOHTTP1

/// Finds the operation that a request line names.
struct Router: Sendable {
  enum Match: Equatable, Sendable {
    /// `parameter` is the text of the path's one variable segment, percent-decoded.
    case operation(Operation, parameter: String)
    case wrongMethod(allow: String)
    case noSuchPath
  }

  private struct Path {
    var segments: [Substring]
    var operations: [Operation]
  }

  /// Paths without a variable, found at one look: the hot ones are among them.
  private let fixed: [String: [Operation]]
  private let variable: [Path]

  init() {
    let byPath = Dictionary(grouping: Operation.allCases, by: \.route.path)
    precondition(
      byPath.values.allSatisfy { Set($0.map(\.route.method.rawValue)).count == $0.count },
      "of two operations with one route the second would never be found")
    fixed = byPath.filter { !$0.key.contains("{") }
    variable = byPath.filter { $0.key.contains("{") }.map { path, operations in
      Path(segments: Self.segments(path[...]), operations: operations)
    }
  }

  /// Takes HEAD for GET.
  func match(_ method: HTTPMethod, _ path: Substring) -> Match {
    var allowed: Set<String> = []
    for operation in fixed[String(path)] ?? [] {
      if operation.route.method == method { return .operation(operation, parameter: "") }
      allowed.insert(operation.route.method.rawValue)
    }
    let segments = Self.segments(path)
    for candidate in variable {
      guard let parameter = Self.parameter(of: candidate.segments, in: segments) else { continue }
      for operation in candidate.operations {
        if operation.route.method == method { return .operation(operation, parameter: parameter) }
        allowed.insert(operation.route.method.rawValue)
      }
    }
    if allowed.contains(HTTPMethod.GET.rawValue) {
      // The connection leaves the body out.
      if method == .HEAD { return match(.GET, path) }
      allowed.insert(HTTPMethod.HEAD.rawValue)
    }
    return allowed.isEmpty ? .noSuchPath : .wrongMethod(allow: allowed.sorted().joined(separator: ", "))
  }

  private static func segments(_ path: Substring) -> [Substring] {
    path.split(separator: "/", omittingEmptySubsequences: false)
  }

  private static func parameter(of pattern: [Substring], in segments: [Substring]) -> String? {
    guard pattern.count == segments.count else { return nil }
    var parameter = ""
    for (expected, found) in zip(pattern, segments) {
      if expected.hasPrefix("{") {
        guard !found.isEmpty else { return nil }
        parameter = found.percentDecoded
      } else if expected != found {
        return nil
      }
    }
    return parameter
  }
}

extension Substring {
  /// The text with its percent escapes replaced. One that is malformed, or no UTF-8, stays as it is: it is no valid name then.
  var percentDecoded: String {
    guard utf8.contains(UInt8(ascii: "%")) else { return String(self) }
    var decoded: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        decoded.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else { return String(self) }
      decoded.append(high << 4 | low)
    }
    return String(validating: decoded, as: UTF8.self) ?? String(self)
  }
}

extension UInt8 {
  fileprivate var hexDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
