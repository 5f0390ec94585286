import Foundation

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
    let scalars: [String: Scalar]
    do {
      scalars = try JSONDecoder().decode([String: Scalar].self, from: Data(bytes))
    } catch DecodingError.typeMismatch {
      throw failure("not a JSON object")
    } catch {
      throw failure("not JSON" + Self.position(ofErrorIn: Data(bytes)))
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

  /// What is wrong at which line and column: `JSONDecoder` does not tell.
  private static func position(ofErrorIn data: Data) -> String {
    do {
      _ = try JSONSerialization.jsonObject(with: data)
      return ""
    } catch {
      let detail = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
      return detail.map { ": \($0)" } ?? ""
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
