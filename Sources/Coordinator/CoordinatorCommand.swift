import ArgumentParser
import Common

/// The executable `holdfast-coordinator`. Its options are the flags of ``CoordinatorSettings``, by the same names.
@main
struct CoordinatorCommand: SettingsCommand {
  typealias Settings = CoordinatorSettings

  static let configuration = CommandConfiguration(
    commandName: "holdfast-coordinator",
    abstract: "Watches the nodes of Holdfast and shows operators how they are. Never in the way of a request.",
    discussion: settingsDiscussion,
    version: "holdfast-coordinator \(Version.text)")

  @Option(help: help("config")) var config: String?
  @Option(help: help("host")) var host: String?
  @Option(help: help("port")) var port: String?
  @Option(help: help("basePath")) var basePath: String?
  @Option(help: help("stateFile")) var stateFile: String?
  @Option(help: help("allowedNetworks")) var allowedNetworks: String?
  @Option(help: help("maxNodes")) var maxNodes: String?
  @Option(help: help("trustedProxies")) var trustedProxies: String?
  @Option(help: help("logLevel")) var logLevel: String?

  func run() async throws {
    try await withSettings { try await CoordinatorProcess(settings: $0).run() }
  }
}
