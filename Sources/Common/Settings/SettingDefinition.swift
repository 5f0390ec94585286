/// Where a setting's value may come from, the strongest first.
package enum SettingSource: CaseIterable, Sendable {
  case flag, environment, file
}

/// What an operator must know of a setting: for `--help` and for error messages.
package struct SettingDefinition: Sendable {
  /// The member of the config file, e.g. `drainDelay`; the other two names follow from it.
  package let key: String
  package let help: String
  /// What values there are, e.g. `an integer from 0 to 65535`.
  package let allowed: String
  /// As an operator would write it; nil if the setting has none.
  package let defaultText: String?
  /// Whether the value must not be shown.
  package let isSecret: Bool
  package let sources: Set<SettingSource>

  init(
    key: String, help: String, allowed: String, defaultText: String? = nil, isSecret: Bool = false,
    sources: Set<SettingSource> = Set(SettingSource.allCases)
  ) {
    self.key = key
    self.help = help
    self.allowed = allowed
    self.defaultText = defaultText
    self.isSecret = isSecret
    self.sources = sources
  }

  /// E.g. `HOLDFAST_DRAIN_DELAY`.
  package var environmentName: String { "HOLDFAST_" + words(separator: "_").uppercased() }

  /// E.g. `--drain-delay`.
  package var flagName: String { "--" + words(separator: "-") }

  private func words(separator: Character) -> String {
    var words = ""
    for character in key {
      if character.isUppercase { words.append(separator) }
      words += character.lowercased()
    }
    return words
  }
}
