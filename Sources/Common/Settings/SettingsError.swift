/// Why the settings cannot be used, as one line for the operator. Never shows a secret.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
  /// `EX_CONFIG` of sysexits.h.
  package static let exitCode: Int32 = 78

  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension SettingsError {
  /// The text in quotes on one line, cut to a length that leaves the message readable.
  package static func quoted(_ text: String) -> String {
    text.count > 200 ? String(text.prefix(200)).debugDescription + "…" : text.debugDescription
  }
}
