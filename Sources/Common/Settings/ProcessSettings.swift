import FoundationEssentials

/// All settings of one process. Reading them declares them, so there is no other list.
package protocol ProcessSettings: Sendable {
  /// Reads each setting once.
  init(from reader: inout SettingsReader) throws(SettingsError)
}

extension ProcessSettings {
  /// - Parameter flags: The flags given on the command line, by the settings' keys.
  /// - Throws: ``SettingsError`` for the first thing that is wrong.
  package static func load(
    flags: [String: String], environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(SettingsError) -> Self {
    var reader = try SettingsReader(flags: flags, environment: environment)
    let settings = try Self(from: &reader)
    try reader.rejectUnknownMembers()
    return settings
  }

  /// What settings there are.
  package static var definitions: [SettingDefinition] {
    var reader = SettingsReader()
    do {
      _ = try Self(from: &reader)
    } catch {
      preconditionFailure("the defaults do not go together: \(error)")
    }
    return reader.definitions
  }
}
