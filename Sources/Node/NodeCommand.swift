import ArgumentParser
import Common

/// The executable `holdfast-node`. Its options are the flags of ``NodeSettings``, by the same names.
@main
struct NodeCommand: SettingsCommand {
  typealias Settings = NodeSettings

  static let configuration = CommandConfiguration(
    commandName: "holdfast-node",
    abstract: "A node of Holdfast: reserves inventory over HTTP, with Redis as its store.",
    discussion: settingsDiscussion,
    version: "holdfast-node \(Version.text)")

  @Option(help: help("config")) var config: String?
  @Option(help: help("nodeId")) var nodeId: String?
  @Option(help: help("host")) var host: String?
  @Option(help: help("port")) var port: String?
  @Option(help: help("redisUrl")) var redisUrl: String?
  @Option(help: help("redisCaFile")) var redisCaFile: String?
  @Option(help: help("redisCertFile")) var redisCertFile: String?
  @Option(help: help("redisKeyFile")) var redisKeyFile: String?
  @Option(help: help("sentinelUser")) var sentinelUser: String?
  @Flag(inversion: .prefixedNo, help: help("sentinelTls")) var sentinelTls: Bool?
  @Option(help: help("minReplicas")) var minReplicas: String?
  @Option(help: help("keyPrefix")) var keyPrefix: String?
  @Option(help: help("shards")) var shards: String?
  @Option(help: help("shardSeparator")) var shardSeparator: String?
  @Option(help: help("drainDelay")) var drainDelay: String?
  @Option(help: help("maxQuantity")) var maxQuantity: String?
  @Option(help: help("maxTtlSeconds")) var maxTtlSeconds: String?
  @Option(help: help("retentionSeconds")) var retentionSeconds: String?
  @Option(help: help("eventsMaxLength")) var eventsMaxLength: String?
  @Flag(inversion: .prefixedNo, help: help("batches")) var batches: Bool?
  @Option(help: help("maxInFlight")) var maxInFlight: String?
  @Option(help: help("maxConnections")) var maxConnections: String?
  @Option(help: help("trustedProxies")) var trustedProxies: String?
  @Option(help: help("coordinatorUrl")) var coordinatorUrl: String?
  @Option(help: help("advertisedUrl")) var advertisedUrl: String?
  @Option(help: help("logLevel")) var logLevel: String?
  @Flag(inversion: .prefixedNo, help: help("logRequests")) var logRequests: Bool?

  func run() async throws {
    try await withSettings { try await NodeProcess(settings: $0).run() }
  }
}
