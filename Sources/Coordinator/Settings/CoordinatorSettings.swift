import Common
import Logging

/// Everything an operator can set on the coordinator.
struct CoordinatorSettings: ProcessSettings {
  let host: String
  let port: Int
  /// Nil: the registry is not kept over restarts.
  let stateFile: String?
  /// Which addresses nodes may have.
  let allowedNetworks: AddressPolicy
  /// Most nodes that are watched at once.
  let maxNodes: Int
  let logLevel: Logger.Level
  let adminTokens: AccessTokens
  /// What nodes announce themselves with; nil: none can.
  let clusterToken: String?

  init(from reader: inout SettingsReader) throws(SettingsError) {
    host = try reader.read(
      "host", .text("an address or a host name"), default: "127.0.0.1", help: "Where to listen")
    port = try reader.read(
      "port", .integer(0...65535), default: "8070", help: "TCP port to listen on; 0 takes any free one")
    stateFile = try reader.readOptional(
      "stateFile", .text("a path"),
      help: "Where nodes, drain marks and history are kept over restarts; without it they are not")
    allowedNetworks = try reader.read(
      "allowedNetworks", .networks, default: AddressPolicy.privateNetworks,
      help: "Networks that nodes may be in: others are not asked, whatever was announced")
    maxNodes = try reader.read(
      "maxNodes", .integer(1...10_000), default: "500", help: "Most nodes that are watched at once")
    logLevel = try reader.read(
      "logLevel", .choice, default: "info", help: "The least level that is logged")
    adminTokens = try reader.readTokens(
      "adminToken", "adminTokensFile", without: "nothing can be changed here")
    clusterToken = try reader.readSharedToken(
      "clusterToken", "clusterTokenFile", help: "The token that nodes announce themselves with; without it none can")
  }
}

extension SettingForm<AddressPolicy> {
  fileprivate static var networks: Self {
    Self("networks like 10.0.0.0/8 or addresses, parted by commas") { AddressPolicy($0) }
  }
}
