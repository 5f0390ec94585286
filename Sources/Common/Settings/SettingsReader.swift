import Configuration

/// Reads settings from flags, the environment and the config file, and keeps what it was told of
/// each: the one place that reads a setting is also its declaration.
package struct SettingsReader {
  /// The settings read so far, in that order.
  package private(set) var definitions: [SettingDefinition] = []

  /// Paths of the files that tokens came from, by the keys of their settings.
  var tokenPaths: [String: String] = [:]

  /// The strongest first.
  private var providers: [(source: SettingSource, provider: any ConfigProvider)] = []
  private var file: SettingsFile?

  /// A reader without sources: every setting has its default.
  package init() {
    definitions = [Self.configFile]
  }

  /// - Parameters:
  ///   - flags: The flags given on the command line, by the settings' keys.
  ///   - environment: The process's environment.
  /// - Throws: ``SettingsError`` if a config file is named but cannot be used.
  package init(flags: [String: String], environment: [String: String]) throws(SettingsError) {
    self.init()
    // An empty variable is how shells and compose files say "not set".
    let variables = EnvironmentVariablesProvider(
      environmentVariables: environment.filter { !$0.value.isEmpty })
    providers = [
      (.flag, InMemoryProvider(texts: flags)),
      (.environment, variables.prefixKeys(with: "holdfast")),
    ]
    if let path = text(of: Self.configFile) {
      let file = try SettingsFile(path: path)
      self.file = file
      providers.append((.file, InMemoryProvider(texts: file.members)))
    }
  }

  private static let configFile = SettingDefinition(
    key: "config", help: "JSON file of settings, by the names of the flags in camelCase",
    allowed: "a path", sources: [.flag, .environment])

  /// The setting's value from its strongest source, or else its default.
  ///
  /// - Parameters:
  ///   - defaultText: The default as an operator would write it.
  ///   - shownAs: What is told of the default, if not its text.
  ///   - isSecret: Whether the value must never be shown.
  ///   - refusesFlag: Whether a value, though good, must not be on a command line, which every
  ///     user of the machine can read.
  /// - Throws: ``SettingsError`` if the value given cannot be used.
  package mutating func read<Value>(
    _ key: String, _ form: SettingForm<Value>, default defaultText: String,
    shownAs: String? = nil, isSecret: Bool = false,
    refusesFlag: (Value) -> Bool = { _ in false }, help: String
  ) throws(SettingsError) -> Value {
    let definition = SettingDefinition(
      key: key, help: help, allowed: form.allowed, defaultText: shownAs ?? defaultText,
      isSecret: isSecret)
    declare(definition)
    guard let text = text(of: definition) else {
      guard let value = form.parse(defaultText) else {
        preconditionFailure("the default of \(key) is not \(form.allowed)")
      }
      return value
    }
    let value = try parse(text, of: definition, as: form)
    if refusesFlag(value), source(of: definition) == .flag {
      throw SettingsError(
        "setting \(key): a password must not be in the flag \(definition.flagName), where every "
          + "user of this machine can read it; use \(definition.environmentName) or a config file")
    }
    return value
  }

  /// The setting's value from its strongest source; nil if it is not given.
  ///
  /// - Parameters:
  ///   - sources: Where it may come from.
  ///   - substitute: What is told to stand in its place; nil if nothing does.
  package mutating func readOptional<Value>(
    _ key: String, _ form: SettingForm<Value>,
    from sources: Set<SettingSource> = Set(SettingSource.allCases), otherwise substitute: String? = nil, help: String
  ) throws(SettingsError) -> Value? {
    let definition = SettingDefinition(
      key: key, help: help, allowed: form.allowed, defaultText: substitute, sources: sources)
    declare(definition)
    guard let text = text(of: definition) else { return nil }
    return try parse(text, of: definition, as: form)
  }

  /// A secret, which only the environment may give; nil if it does not.
  package mutating func readSecret<Value>(
    _ key: String, _ form: SettingForm<Value>, help: String
  ) throws(SettingsError) -> Value? {
    let definition = SettingDefinition(
      key: key, help: help, allowed: form.allowed, isSecret: true, sources: [.environment])
    declare(definition)
    guard let text = text(of: definition) else { return nil }
    return try parse(text, of: definition, as: form)
  }

  /// - Throws: ``SettingsError`` if the config file has members that no setting was read from.
  package func rejectUnknownMembers() throws(SettingsError) {
    guard let file else { return }
    let known = definitions.filter { $0.sources.contains(.file) }.map(\.key)
    let unknown = file.names.subtracting(known).sorted()
    guard !unknown.isEmpty else { return }
    if let definition = definitions.first(where: { unknown.contains($0.key) }) {
      throw SettingsError(
        "config file \(SettingsError.quoted(file.path)): \(definition.key) cannot be set here, "
          + "use \(definition.environmentName)")
    }
    throw SettingsError(
      "config file \(SettingsError.quoted(file.path)): unknown "
        + (unknown.count == 1 ? "member " : "members ")
        + unknown.map(SettingsError.quoted).joined(separator: ", "))
  }

  private mutating func declare(_ definition: SettingDefinition) {
    precondition(definitions.allSatisfy { $0.key != definition.key }, "the setting \(definition.key) is read twice")
    definitions.append(definition)
  }

  private func parse<Value>(
    _ text: String, of definition: SettingDefinition, as form: SettingForm<Value>
  ) throws(SettingsError) -> Value {
    if let value = form.parse(text) { return value }
    let origin =
      switch source(of: definition) {
      case .flag: "the flag \(definition.flagName)"
      case .file: "the config file \(SettingsError.quoted(file?.path ?? ""))"
      case .environment, nil: "the environment variable \(definition.environmentName)"
      }
    let value = definition.isSecret ? "(a secret, not shown)" : SettingsError.quoted(text)
    let fault = form.fault(text).map { ": \($0)" } ?? ""
    throw SettingsError(
      "setting \(definition.key): bad value \(value) from \(origin)\(fault); must be \(form.allowed)")
  }

  private func text(of definition: SettingDefinition) -> String? {
    let providers = providers(of: definition).map(\.provider)
    guard !providers.isEmpty else { return nil }
    return ConfigReader(providers: providers)
      .string(forKey: ConfigKey([definition.key]), isSecret: definition.isSecret)
  }

  /// Where the value comes from, which `ConfigReader` does not tell.
  private func source(of definition: SettingDefinition) -> SettingSource? {
    let key = AbsoluteConfigKey([definition.key])
    return providers(of: definition).first { _, provider in
      (try? provider.value(forKey: key, type: .string).value) != nil
    }?.source
  }

  private func providers(
    of definition: SettingDefinition
  ) -> [(source: SettingSource, provider: any ConfigProvider)] {
    providers.filter { definition.sources.contains($0.source) }
  }
}

extension InMemoryProvider {
  /// A provider of texts, by the settings' keys.
  fileprivate init(texts: [String: String]) {
    self.init(
      values: Dictionary(
        uniqueKeysWithValues: texts.map { key, text in
          (AbsoluteConfigKey([key]), ConfigValue(.string(text), isSecret: false))
        }))
  }
}
