import Common
import Logging
import RedisClient
import Store

/// Everything an operator can set on a node.
struct NodeSettings: ProcessSettings {
  let nodeId: String
  let host: String
  let port: Int
  let redisUrl: RedisTopology
  let redisCaFile: String?
  /// Our own certificate and its key, for a Redis that wants one; both or none.
  let redisCertFile: String?
  let redisKeyFile: String?
  /// Who we are to Sentinels, and whether they speak TLS.
  let sentinelUser: String?
  let sentinelPassword: String?
  let sentinelTls: Bool
  /// So many replicas have a change before it is acknowledged.
  let minReplicas: Int
  /// Before the name of every key in Redis.
  let keyPrefix: String
  /// Nil: as the store has it.
  let shards: Int?
  let shardSeparator: UInt8?
  /// How long a node that is told to stop keeps serving.
  let drainDelay: Duration
  let maxQuantity: Int
  let maxTtlSeconds: Int
  let retentionSeconds: Int
  /// Entries; 0 for no stream.
  let eventsMaxLength: Int
  /// Whether reserves and confirms that come together share a call of Redis.
  let batches: Bool
  let maxInFlight: Int
  let maxConnections: Int
  let trustedProxies: TrustedProxies
  /// Where the coordinator is; nil for none.
  let coordinatorUrl: String?
  /// What nodes announce themselves with.
  let clusterToken: String?
  /// Where others reach this node; nil: at `host` and the port that it listens on.
  let advertisedUrl: String?
  let logLevel: Logger.Level
  let logRequests: Bool
  let adminTokens: AccessTokens
  let clientTokens: AccessTokens
  let tokenFiles: TokenFiles

  init(from reader: inout SettingsReader) throws(SettingsError) {
    let givenNodeId = try reader.readOptional(
      "nodeId", .name, otherwise: DefaultNodeID.shownAs, help: "Name of this node, unlike any other's")
    host = try reader.read(
      "host", .text("an address or a host name"), default: "127.0.0.1",
      help: "Where to listen")
    port = try reader.read(
      "port", .integer(0...65535), default: "8080",
      help: "TCP port to listen on; 0 takes any free one")
    nodeId = givenNodeId ?? DefaultNodeID().name(port: port)
    redisUrl = try reader.read(
      "redisUrl", .redisTopology, default: "redis://127.0.0.1:6379/0", isSecret: true,
      refusesFlag: { $0.hasPassword },
      help: "Where Redis is; rediss for TLS. With a password only from environment or file")
    redisCaFile = try reader.readOptional(
      "redisCaFile", .text("a path"),
      help: "PEM file of the authorities to trust for rediss, instead of the system's")
    redisCertFile = try reader.readOptional(
      "redisCertFile", .text("a path"),
      help: "PEM file of the client certificate for a Redis that wants one (tls-auth-clients); with redisKeyFile")
    redisKeyFile = try reader.readOptional(
      "redisKeyFile", .text("a path"), help: "PEM file of the key of redisCertFile")
    sentinelUser = try reader.readOptional(
      "sentinelUser", .text("a user of Redis"), help: "Who the node is to Sentinels; with sentinelPassword")
    sentinelPassword = try reader.readSecret(
      "sentinelPassword", .text("a password"), help: "The password that Sentinels want")
    let sentinelTls = try reader.readOptional(
      "sentinelTls", .boolean, otherwise: "as redisUrl", help: "Whether Sentinels speak TLS")
    self.sentinelTls = sentinelTls ?? (redisUrl.hasSentinels && redisUrl.usesTLS)
    minReplicas = try reader.read(
      "minReplicas", .integer(0...16), default: "0",
      help: "So many replicas of Redis must have a change before it is acknowledged")
    keyPrefix = try reader.read(
      "keyPrefix", .keyPrefix, default: "",
      help: "Stands before the name of every key in Redis, so that a database can be shared; none by default")
    shards = try reader.readOptional(
      "shards", .integer(1...ShardMap.maxCount), otherwise: "as the store has, or 1; 64 on a Cluster",
      help: "Into how many shards the store is cut; never changed for a store")
    shardSeparator = try reader.readOptional(
      "shardSeparator", .shardSeparator, help: "SKUs that are alike before it stay in one shard; with shards")
    drainDelay = try reader.read(
      "drainDelay", .seconds(0...300), default: "5",
      help: "How long to keep serving after SIGTERM, so that load balancers notice")
    maxQuantity = try reader.read(
      "maxQuantity", .integer(1...Limits.maxQuantity), default: "\(Limits.maxQuantity)",
      help: "The most pieces of a SKU that one reservation may hold")
    maxTtlSeconds = try reader.read(
      "maxTtlSeconds", .integer(1...Limits.maxTTLSeconds), default: "\(Limits.maxTTLSeconds)",
      help: "The longest hold that a client may ask for")
    retentionSeconds = try reader.read(
      // A key that is forgotten before its hold has ended would hold a second time.
      "retentionSeconds", .integer(Limits.maxHoldSeconds...31_536_000), default: "86400",
      help: "How long final reservations and idempotency records are kept; no less than the longest hold")
    eventsMaxLength = try reader.read(
      "eventsMaxLength", .integer(0...100_000_000), default: "100000",
      help: "About how many entries the stream of events keeps; 0 writes none")
    batches = try reader.read(
      "batches", .boolean, default: "true",
      help:
        "Whether reserves and confirms that come together share a call of Redis; each is judged by itself all the same")
    maxInFlight = try reader.read(
      "maxInFlight", .integer(1...1_000_000), default: "4096",
      help: "Requests in work at once; more are answered 503")
    maxConnections = try reader.read(
      "maxConnections", .integer(1...1_000_000), default: "16384",
      help: "Client connections at once; more are not accepted")
    trustedProxies = try reader.readTrustedProxies()
    coordinatorUrl = try reader.readOptional(
      "coordinatorUrl", .serverURL, help: "URL of the coordinator that this node announces itself to")
    clusterToken = try reader.readSharedToken(
      "clusterToken", "clusterTokenFile", help: "The token that nodes announce themselves with")
    advertisedUrl = try reader.readOptional(
      "advertisedUrl", .serverURL, help: "Where others reach this node; without it, at its host and port")
    logLevel = try reader.read(
      "logLevel", .choice, default: "info", help: "The least level that is logged")
    logRequests = try reader.read(
      "logRequests", .boolean, default: "false", help: "Log a line for each request")
    adminTokens = try reader.readTokens(
      "adminToken", "adminTokensFile", without: "stock administration is disabled")
    clientTokens = try reader.readTokens(
      "clientToken", "clientTokensFile", without: "the shop is open to all")
    tokenFiles = reader.tokenFiles
    try TokenFiles.Contents(admin: adminTokens, client: clientTokens, cluster: clusterToken).check()
    if let family = RedisKeys().families.first(where: keyPrefix.hasPrefix) {
      throw SettingsError(
        "setting keyPrefix: must not begin with \(family): so begin keys of a shop without a prefix, which would be"
          + " taken for its own")
    }
    if (redisCertFile == nil) != (redisKeyFile == nil) {
      throw SettingsError("settings redisCertFile and redisKeyFile: each needs the other")
    }
    let filesOfTLS = [
      ("redisCaFile", redisCaFile), ("redisCertFile", redisCertFile), ("redisKeyFile", redisKeyFile),
    ]
    if (sentinelUser != nil) && (sentinelPassword == nil) {
      throw SettingsError("setting sentinelUser: needs sentinelPassword")
    }
    if !redisUrl.hasSentinels, sentinelPassword != nil || sentinelTls != nil {
      throw SettingsError(
        "setting \(sentinelPassword == nil ? "sentinelTls" : "sentinelPassword"): has no effect without Sentinels:"
          + " redisUrl must begin with redis+sentinel:// or rediss+sentinel://")
    }
    if redisUrl.isCluster, shards == 1 {
      throw SettingsError("setting shards: a Redis Cluster needs more than 1, or all would be on one of its servers")
    }
    if !redisUrl.usesTLS, !self.sentinelTls, let (setting, _) = filesOfTLS.first(where: { $0.1 != nil }) {
      throw SettingsError("setting \(setting): has no effect without TLS: redisUrl must begin with rediss://")
    }
    if coordinatorUrl != nil, clusterToken == nil {
      throw SettingsError("setting coordinatorUrl: needs clusterToken or clusterTokenFile")
    }
    if coordinatorUrl != nil, advertisedUrl == nil, ["0.0.0.0", "::"].contains(host) {
      throw SettingsError("setting host: \(host) is where others can't reach this node: set advertisedUrl")
    }
  }

  /// All tokens as they are at the start.
  var tokens: TokenFiles.Contents {
    TokenFiles.Contents(admin: adminTokens, client: clientTokens, cluster: clusterToken)
  }
}

extension SettingForm<RedisTopology> {
  fileprivate static var redisTopology: Self {
    Self(RedisTopology.form) { text in
      do throws(RedisURL.Invalid) { _ = try RedisTopology(text) } catch { return error.reason }
      return nil
    } parse: {
      try? RedisTopology($0)
    }
  }
}

extension SettingForm<UInt8> {
  fileprivate static var shardSeparator: Self { Self("one of . _ -") { ShardMap.separator(of: $0) } }
}

extension SettingForm<String> {
  /// What may stand before key names. It becomes part of scripts, so it must have nothing that could end a string
  /// there.
  fileprivate static var keyPrefix: Self {
    Self("up to 64 of A–Z a–z 0–9 . _ : / -") { text in
      let isAllowed = { (byte: UInt8) in byte.isASCIIAlphanumeric || "._:/-".utf8.contains(byte) }
      return text.utf8.count <= 64 && text.utf8.allSatisfy(isAllowed) ? text : nil
    }
  }

  /// The beginning of URLs, without a slash at its end.
  fileprivate static var serverURL: Self {
    Self(ServerURL.rule) { ServerURL($0)?.text }
  }
}
