import ArgumentParser
import Glibc

/// A command that runs a process with settings. Its options are their flags: each is a property
/// named after the setting's key, of `@Option var …: String?` or `@Flag var …: Bool?`.
package protocol SettingsCommand: AsyncParsableCommand {
  associatedtype Settings: ProcessSettings
}

extension SettingsCommand {
  /// Where the process begins.
  package static func main() async {
    // SIGHUP asks for tokens to be read anew, and never for the end. It is ignored until somebody takes it.
    signal(SIGHUP, SIG_IGN)
    await main(nil)
  }

  /// Runs the process with the settings by flags, environment and config file.
  ///
  /// - Throws: `ExitCode` 78 for a `SettingsError`, also one that the process itself ends with,
  ///   after telling why on standard error.
  package func withSettings(_ run: (Settings) async throws -> Void) async throws {
    defer { StandardError.flush() }
    do {
      try await run(Settings.load(flags: flags))
    } catch let error as SettingsError {
      StandardError.writeLine("\(Self._commandName): \(error)")
      throw ExitCode(SettingsError.exitCode)
    }
  }

  /// The flags given on the command line, by the settings' keys.
  package var flags: [String: String] {
    var flags: [String: String] = [:]
    for (label, value) in Mirror(reflecting: self).children {
      // A wrapped property is stored under its name and an underscore.
      guard let key = label?.dropFirst() else { continue }
      switch value {
      case let option as Option<String?>: flags[String(key)] = option.wrappedValue
      case let flag as Flag<Bool?>: flags[String(key)] = flag.wrappedValue.map { String($0) }
      default: preconditionFailure("\(key) is neither an optional text nor an optional flag")
      }
    }
    return flags
  }

  /// What `--help` says of a setting's flag.
  package static func help(_ key: String) -> ArgumentHelp {
    guard let definition = Settings.definitions.first(where: { $0.key == key }) else {
      preconditionFailure("no setting \(key)")
    }
    return ArgumentHelp(stringLiteral: definition.summary)
  }

  /// What `--help` says of settings as a whole, and of those that have no flag.
  package static var settingsDiscussion: String {
    let withoutFlag = Settings.definitions.filter { !$0.sources.contains(.flag) }
    return """
      A setting is taken from its flag, or else from its environment variable, or else from the \
      member of the config file that is named like the flag, in camelCase (dropping the dashes).

      Settings without a flag:
      \(withoutFlag.map { "- \($0.key): \($0.summary)" }.joined(separator: "\n"))
      """
  }
}

extension SettingDefinition {
  fileprivate var summary: String {
    let places =
      sources == [.environment] ? "only from \(environmentName)" : environmentName
    return "\(help) (\(allowed); default: \(defaultText ?? "none"); \(places))"
  }
}
