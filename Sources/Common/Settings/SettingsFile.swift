import FoundationEssentials

/// The config file: a JSON object whose members are settings.
///
/// Not read by swift-configuration's own JSON provider, which neither tells what members there are
/// nor keeps `true` and `1` apart.
struct SettingsFile {
  let path: String
  /// The names of all members.
  let names: Set<String>
  /// The values of those that are not null.
  let members: [String: String]

  init(path: String) throws(SettingsError) {
    func failure(_ reason: String) -> SettingsError {
      SettingsError("config file \(SettingsError.quoted(path)): \(reason)")
    }
    let bytes: [UInt8]
    do {
      bytes = try FileContents.read(path)
    } catch {
      throw failure(error.reason)
    }
    // Our own reader tells where a flaw is, and a member that is given twice is one. But it does not keep fractions.
    let flaw = bytes.withUnsafeBytes { bytes -> JSONValue.SyntaxError? in
      do throws(JSONValue.SyntaxError) {
        _ = try JSONValue(parsing: bytes)
        return nil
      } catch {
        return error
      }
    }
    if let flaw { throw failure("not JSON: \(flaw.reason) (byte \(flaw.offset))") }
    guard let scalars = try? JSONDecoder().decode([String: Scalar].self, from: Data(bytes)) else {
      throw failure("not a JSON object")
    }
    let unusable = scalars.filter { $0.value == .unusable }.keys.sorted()
    guard unusable.isEmpty else {
      throw failure(
        "must be a string, a number, true or false: "
          + unusable.map(SettingsError.quoted).joined(separator: ", "))
    }
    self.path = path
    names = Set(scalars.keys)
    members = scalars.compactMapValues { scalar in
      if case .text(let text) = scalar { text } else { nil }
    }
  }
}

/// A member's value, as the text that a flag or an environment variable would have.
private enum Scalar: Decodable, Equatable {
  case text(String)
  case null
  case unusable

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    self =
      if value.decodeNil() {
        .null
      } else if let truth = try? value.decode(Bool.self) {
        .text(String(truth))
      } else if let integer = try? value.decode(Int.self) {
        .text(String(integer))
      } else if let number = try? value.decode(Double.self) {
        .text(String(number))
      } else if let text = try? value.decode(String.self) {
        .text(text)
      } else {
        .unusable
      }
  }
}
