import Common
import Logging

/// Everything an operator can set on a node.
struct NodeSettings: ProcessSettings {
  let nodeId: String
  let host: String
  let port: Int
  let redisUrl: RedisURL
  let redisCaFile: String?
  /// How long a node that is told to stop keeps serving.
  let drainDelay: Duration
  let maxQuantity: Int
  let maxTtlSeconds: Int
  let retentionSeconds: Int
  /// Entries; 0 for no stream.
  let eventsMaxLength: Int
  let maxInFlight: Int
  let maxConnections: Int
  let logLevel: Logger.Level
  let logRequests: Bool
  let adminTokens: AccessTokens
  let clientTokens: AccessTokens

  init(from reader: inout SettingsReader) throws(SettingsError) {
    nodeId = try reader.read(
      "nodeId", .name, default: Self.randomNodeId(), shownAs: "node- and 8 random hex digits",
      help: "Name of this node, unlike any other's")
    host = try reader.read(
      "host", .text("an address or a host name"), default: "127.0.0.1",
      help: "Where to listen")
    port = try reader.read(
      "port", .integer(0...65535), default: "8080",
      help: "TCP port to listen on; 0 takes any free one")
    redisUrl = try reader.read(
      "redisUrl", .redisURL, default: "redis://127.0.0.1:6379/0", isSecret: true,
      refusesFlag: { $0.password != nil },
      help: "Where Redis is; rediss for TLS. With a password only from environment or file")
    redisCaFile = try reader.readOptional(
      "redisCaFile", .text("a path"),
      help: "PEM file of the authorities to trust for rediss, instead of the system's")
    drainDelay = try reader.read(
      "drainDelay", .seconds(0...300), default: "5",
      help: "How long to keep serving after SIGTERM, so that load balancers notice")
    maxQuantity = try reader.read(
      "maxQuantity", .integer(1...1_000_000), default: "1000000",
      help: "The most units of a SKU that one reservation may hold")
    maxTtlSeconds = try reader.read(
      "maxTtlSeconds", .integer(1...3600), default: "3600",
      help: "The longest hold that a client may ask for")
    retentionSeconds = try reader.read(
      "retentionSeconds", .integer(1...31_536_000), default: "86400",
      help: "How long final reservations and idempotency records are kept")
    eventsMaxLength = try reader.read(
      "eventsMaxLength", .integer(0...100_000_000), default: "100000",
      help: "About how many entries the stream of events keeps; 0 writes none")
    maxInFlight = try reader.read(
      "maxInFlight", .integer(1...1_000_000), default: "4096",
      help: "Requests in work at once; more are answered 503")
    maxConnections = try reader.read(
      "maxConnections", .integer(1...1_000_000), default: "16384",
      help: "Client connections at once; more are not accepted")
    logLevel = try reader.read(
      "logLevel", .choice, default: "info", help: "The least level that is logged")
    logRequests = try reader.read(
      "logRequests", .boolean, default: "false", help: "Log a line for each request")
    adminTokens = try Self.readTokens(
      "adminToken", "adminTokensFile", without: "stock administration is disabled", from: &reader)
    clientTokens = try Self.readTokens(
      "clientToken", "clientTokensFile", without: "the shop is open to all", from: &reader)
    if adminTokens.sharesToken(with: clientTokens) {
      throw SettingsError("settings adminToken and clientToken: no token may be both")
    }
  }

  private static func randomNodeId() -> String {
    let digits = String(UInt32.random(in: 0 ... .max), radix: 16)
    return "node-" + String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func readTokens(
    _ tokenKey: String, _ fileKey: String, without consequence: String,
    from reader: inout SettingsReader
  ) throws(SettingsError) -> AccessTokens {
    let token = try reader.readSecret(
      tokenKey, .tokenOrNone,
      help: "A bearer token, named \(AccessTokens.defaultName); with none at all \(consequence)")
    let path = try reader.readOptional(
      fileKey, .text("a path"), from: [.environment, .file],
      help: "File of name:token lines, instead of \(tokenKey)")
    guard let path else {
      return if let token, !token.isEmpty { AccessTokens(token: token) } else { AccessTokens() }
    }
    // Even an empty token contradicts a file: obeying either could open what was to be closed.
    guard token == nil else {
      throw SettingsError("settings \(tokenKey) and \(fileKey): only one of them may be given")
    }
    return try AccessTokens(path: path, setting: fileKey)
  }
}

extension AccessTokens {
  fileprivate init(path: String, setting: String) throws(SettingsError) {
    func failure(_ reason: String) -> SettingsError {
      SettingsError("setting \(setting): file \(SettingsError.quoted(path)): \(reason)")
    }
    let bytes: [UInt8]
    do {
      bytes = try FileContents.read(path)
    } catch {
      throw failure(error.reason)
    }
    do {
      try self.init(list: String(decoding: bytes, as: UTF8.self))
    } catch {
      throw failure(error.reason)
    }
    // Taken for "no tokens", a file that came out empty would open the shop.
    guard !isEmpty else { throw failure("holds no token") }
  }
}

extension SettingForm<RedisURL> {
  fileprivate static var redisURL: Self {
    Self("redis[s]://[[user]:password@]host[:port][/database]") { try? RedisURL($0) }
  }
}

extension SettingForm<String> {
  /// A token, or an empty text for none.
  fileprivate static var tokenOrNone: Self {
    Self("\(AccessTokens.tokenRule), or empty for none") { text in
      text.isEmpty || AccessTokens.isToken(text) ? text : nil
    }
  }
}
