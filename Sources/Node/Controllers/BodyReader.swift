import Common
import NIOCore
import Store

/// Reads the members of a JSON body, gathering every fault instead of stopping at the first.
struct BodyReader {
  private let root: JSONValue
  private let path: String
  private(set) var faults: [Fault] = []

  /// - Throws: a ``Fault`` if the body is no JSON object.
  init(_ body: ByteBuffer) throws(Fault) {
    guard body.readableBytes > 0 else { throw Fault("#", "a JSON object is needed") }
    let root: JSONValue
    do {
      root = try body.withUnsafeReadableBytes { (bytes) throws(JSONValue.SyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw Fault("#", "no valid JSON: \(error.reason) (byte \(error.offset))")
    }
    guard case .object = root else { throw Fault("#", "a JSON object is needed") }
    self.init(root, path: "#")
  }

  private init(_ root: JSONValue, path: String) {
    self.root = root
    self.path = path
  }

  func has(_ name: String) -> Bool { root[name] != nil }

  mutating func fault(_ name: String?, _ detail: String) {
    faults.append(Fault(name.map { "\(path)/\($0)" } ?? path, detail))
  }

  /// A required whole number within `range`; nil (and a fault) otherwise.
  mutating func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
    guard has(name) else {
      fault(name, "is missing")
      return nil
    }
    return optionalInteger(name, range)
  }

  mutating func optionalInteger(_ name: String, _ range: ClosedRange<Int>) -> Int? {
    guard let value = root[name] else { return nil }
    guard case .integer(let number) = value, range.contains(number) else {
      fault(
        name, "must be a whole number from \(range.lowerBound) to \(range.upperBound), without fraction or exponent")
      return nil
    }
    return number
  }

  mutating func text(_ name: String) -> String? {
    guard let value = root[name] else {
      fault(name, "is missing")
      return nil
    }
    guard case .string(let text) = value else {
      fault(name, "must be a string")
      return nil
    }
    return text
  }

  mutating func sku(_ name: String) -> SKU? {
    guard let text = text(name) else { return nil }
    guard let sku = SKU(text) else {
      fault(name, SKU.rule)
      return nil
    }
    return sku
  }

  /// An optional label: 1–128 visible ASCII characters.
  mutating func label(_ name: String) -> Label? {
    guard let value = root[name] else { return nil }
    guard case .string(let text) = value, let label = Label(text) else {
      fault(name, "must be a string of 1 to \(Limits.maxLabelCharacters) visible ASCII characters")
      return nil
    }
    return label
  }

  /// An optional text of so many characters (Unicode scalar values).
  mutating func optionalText(_ name: String, _ range: ClosedRange<Int>) -> String? {
    guard let value = root[name] else { return nil }
    guard case .string(let text) = value, range.contains(text.unicodeScalars.count) else {
      fault(name, "must be a string of \(range.lowerBound) to \(range.upperBound) characters")
      return nil
    }
    return text
  }

  /// The objects of an array of so many; nil (and faults) otherwise.
  mutating func objects<Element>(
    _ name: String, _ range: ClosedRange<Int>, _ read: (inout BodyReader) -> Element?
  ) -> [Element]? {
    guard case .array(let values)? = root[name], range.contains(values.count) else {
      fault(name, "must be an array of \(range.lowerBound) to \(range.upperBound) objects")
      return nil
    }
    var elements: [Element] = []
    for (index, value) in values.enumerated() {
      var reader = BodyReader(value, path: "\(path)/\(name)/\(index)")
      guard case .object = value else {
        reader.fault(nil, "must be an object")
        faults += reader.faults
        continue
      }
      if let element = read(&reader) { elements.append(element) }
      faults += reader.faults
    }
    return elements.count == values.count ? elements : nil
  }
}

extension SKU {
  static let rule = "must be 1 to \(Limits.maxSKUCharacters) of A-Z a-z 0-9 . _ -, the first a letter or digit"
}

/// Reads a body, or tells all that is wrong with it.
func readBody<Content>(_ body: ByteBuffer, _ read: (inout BodyReader) -> Content?) -> Result<Content, Problem> {
  do throws(Fault) {
    var reader = try BodyReader(body)
    let content = read(&reader)
    guard reader.faults.isEmpty, let content else { return .failure(.invalid(reader.faults)) }
    return .success(content)
  } catch {
    return .failure(.invalid([error]))
  }
}
