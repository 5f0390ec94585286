import Common
import Logging

/// Everything an operator can set on the coordinator.
struct CoordinatorSettings: ProcessSettings {
  let host: String
  let port: Int
  /// The path below which browsers see the page.
  let basePath: BasePath
  /// Nil if the registry is not kept over restarts.
  let stateFile: String?
  /// Which addresses nodes may have.
  let allowedNetworks: AddressPolicy
  /// Most nodes that are watched at once.
  let maxNodes: Int
  let trustedProxies: TrustedProxies
  let logLevel: Logger.Level
  let adminTokens: AccessTokens
  /// The token that nodes announce themselves with; nil if none can.
  let clusterToken: String?
  let tokenFiles: TokenFiles

  init(from reader: inout SettingsReader) throws(SettingsError) {
    host = try reader.read(
      "host", .text("an address or a host name"), default: "127.0.0.1", help: "Where to listen")
    port = try reader.read(
      "port", .integer(0...65535), default: "8070", help: "TCP port to listen on; 0 takes any free one")
    basePath = try reader.read(
      "basePath", .basePath, default: "/", shownAs: "none",
      help: "Path prefix under which a proxy serves the page")
    stateFile = try reader.readOptional(
      "stateFile", .text("a path"),
      help: "Where nodes, drain marks and history are kept over restarts; without it they are not")
    allowedNetworks = try reader.read(
      "allowedNetworks", .networks, default: AddressPolicy.privateNetworks,
      help: "Networks that nodes may be in: others are not asked, whatever was announced")
    maxNodes = try reader.read(
      "maxNodes", .integer(1...10_000), default: "500", help: "Most nodes that are watched at once")
    trustedProxies = try reader.readTrustedProxies()
    logLevel = try reader.read(
      "logLevel", .choice, default: "info", help: "The least level that is logged")
    adminTokens = try reader.readTokens(
      "adminToken", "adminTokensFile", without: "nothing can be changed here")
    clusterToken = try reader.readSharedToken(
      "clusterToken", "clusterTokenFile", help: "The token that nodes announce themselves with; without it none can")
    tokenFiles = reader.tokenFiles
  }

  /// All tokens, as they are at the start.
  var tokens: TokenFiles.Contents { TokenFiles.Contents(admin: adminTokens, cluster: clusterToken) }
}

extension SettingForm<BasePath> {
  fileprivate static var basePath: Self { Self(BasePath.rule) { BasePath($0) } }
}
