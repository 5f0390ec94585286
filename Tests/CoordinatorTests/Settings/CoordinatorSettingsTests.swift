import Common
import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite struct CoordinatorSettingsTests {
  private func load(_ environment: [String: String] = [:], flags: [String: String] = [:]) throws -> CoordinatorSettings
  {
    try CoordinatorSettings.load(flags: flags, environment: environment)
  }

  private func failure(_ environment: [String: String], flags: [String: String] = [:]) throws -> String {
    try #require(throws: SettingsError.self) { try load(environment, flags: flags) }.description
  }

  @Test func `what is not given has its default`() throws {
    let settings = try load()
    #expect(settings.host == "127.0.0.1" && settings.port == 8070)
    #expect(settings.basePath == .root)
    #expect(settings.stateFile == nil && settings.maxNodes == 500 && settings.logLevel == .info)
    #expect(settings.allowedNetworks == AddressPolicy(AddressPolicy.privateNetworks))
    #expect(settings.adminTokens.isEmpty && settings.clusterToken == nil)
  }

  @Test(
    arguments: [
      ("port", ["0", "65535"]), ("maxNodes", ["1", "10000"]), ("stateFile", ["a", "/var/lib/x"]),
      ("basePath", ["/", "/holdfast", "/a/b.c/~d_-/"]),
      ("allowedNetworks", ["10.0.0.7", "10.0.0.0/8,::1/128", "fd00::/8, 127.0.0.1"]),
      ("trustedProxies", ["127.0.0.1/32", "10.0.0.0/8, ::1"]),
    ])
  func `good values are taken`(key: String, values: [String]) throws {
    for value in values { _ = try load(flags: [key: value]) }
  }

  @Test func `each value goes where it belongs`() throws {
    let settings = try load(flags: [
      "host": "::1", "port": "1234", "stateFile": "/s", "allowedNetworks": "10.1.0.0/16", "maxNodes": "7",
      "logLevel": "debug", "basePath": "/ops/", "trustedProxies": "10.2.0.0/16",
    ])
    #expect(settings.trustedProxies == TrustedProxies(AddressPolicy("10.2.0.0/16")))
    #expect(settings.basePath.text == "/ops")
    #expect(settings.host == "::1" && settings.port == 1234 && settings.stateFile == "/s")
    #expect(settings.allowedNetworks == AddressPolicy("10.1.0.0/16"))
    #expect(settings.maxNodes == 7 && settings.logLevel == .debug)
  }

  @Test(
    arguments: [
      ("host", [""]), ("port", ["-1", "65536", "http"]), ("stateFile", [""]), ("maxNodes", ["0", "10001", "1.5"]),
      ("allowedNetworks", ["", ",", "10.0.0.0/33", "fd00::/129", "localhost", "10.0.0.0/8,", "10.0.0/8"]),
      ("logLevel", ["loud"]), ("trustedProxies", ["", "10.0.0.0/33", "proxy"]),
      (
        "basePath",
        [
          "", "holdfast", "//x", "/a//b", "/..", "/a/./b", "/a?b", "/a b", "/%2e", "/\"", "http://x/",
          "/" + String(repeating: "x", count: 200),
        ]
      ),
    ])
  func `bad values are refused`(key: String, values: [String]) throws {
    for value in values { #expect(try failure([:], flags: [key: value]).hasPrefix("setting \(key): bad value")) }
  }

  @Test func `tokens are taken from the environment or from files alone, and never shown`() throws {
    let settings = try load(["HOLDFAST_ADMIN_TOKEN": "a", "HOLDFAST_CLUSTER_TOKEN": "c"])
    #expect(settings.adminTokens.name(for: "a") == "default" && settings.clusterToken == "c")
    let none = try load(["HOLDFAST_ADMIN_TOKEN": "", "HOLDFAST_CLUSTER_TOKEN": ""])
    #expect(none.adminTokens.isEmpty && none.clusterToken == nil)
    for key in ["ADMIN_TOKEN", "CLUSTER_TOKEN"] {
      let message = try failure(["HOLDFAST_\(key)": "hid den"])
      #expect(message.contains("bad value (a secret, not shown)") && !message.contains("hid den"))
    }
    let directory = try TemporaryDirectory()
    let file = directory.url.appending(path: "token")
    try "hidden\n".write(to: file, atomically: true, encoding: .utf8)
    #expect(try load(["HOLDFAST_CLUSTER_TOKEN_FILE": file.path]).clusterToken == "hidden")
    #expect(
      try load(["HOLDFAST_CLUSTER_TOKEN_FILE": file.path, "HOLDFAST_CLUSTER_TOKEN": ""]).clusterToken == "hidden")
    #expect(
      try failure(["HOLDFAST_CLUSTER_TOKEN_FILE": file.path, "HOLDFAST_CLUSTER_TOKEN": "c"])
        == "settings clusterToken and clusterTokenFile: only one of them may be given")
    for definition in CoordinatorSettings.definitions where definition.key.contains("Token") {
      #expect(!definition.sources.contains(.flag))
    }
  }

  @Test func `every setting that is meant to have a flag has one, and is in the help`() throws {
    let withFlag = CoordinatorSettings.definitions.filter { $0.sources.contains(.flag) }.map(\.key)
    let options = Mirror(reflecting: try CoordinatorCommand.parse([])).children
      .compactMap { $0.label.map { String($0.dropFirst()) } }
    #expect(options == withFlag)
    let help = CoordinatorCommand.helpMessage(columns: 10_000)
    for setting in CoordinatorSettings.definitions {
      let line = help.split(separator: "\n").first { $0.contains(setting.environmentName) }
      #expect(line?.contains("default: \(setting.defaultText ?? "none")") == true, "\(setting.key)")
    }
  }

  @Test func `a bad setting is one line and exit code 78`() async throws {
    let result = try await #require(processExitsWith: .exitCode(78), observing: [\.standardErrorContent]) {
      // An address at which it can't listen, so that the process ends even if it accepts the setting.
      await CoordinatorCommand.main(["--allowed-networks", "everywhere", "--host", "192.0.2.1"])
    }
    #expect(
      String(decoding: result.standardErrorContent, as: UTF8.self)
        .split(separator: "\n").filter { $0.contains("setting") } == [
          #"holdfast-coordinator: setting allowedNetworks: bad value "everywhere" from the flag --allowed-networks; "#
            + "must be networks like 10.0.0.0/8 or addresses, parted by commas"
        ])
    await #expect(processExitsWith: .exitCode(64)) { await CoordinatorCommand.main(["--cluster-token", "x"]) }
  }
}
