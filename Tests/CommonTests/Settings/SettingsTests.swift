import Common
import Testing

/// One setting of each kind.
private struct SampleSettings: ProcessSettings {
  let drainDelay: Duration
  let port: Int
  let isLoud: Bool
  let storeUrl: String
  let caFile: String?
  let peersFile: String?
  let apiToken: String?

  init(from reader: inout SettingsReader) throws(SettingsError) {
    drainDelay = try reader.read("drainDelay", .seconds(0...300), default: "5", help: "Delay")
    port = try reader.read("port", .integer(0...65535), default: "8080", help: "Port")
    isLoud = try reader.read("isLoud", .boolean, default: "false", help: "Noise")
    storeUrl = try reader.read(
      "storeUrl", SettingForm("at most 10 bytes") { $0.utf8.count > 10 ? nil : $0 },
      default: "a:b", isSecret: true, refusesFlag: { $0.contains("@") }, help: "Store")
    caFile = try reader.readOptional("caFile", .text("a path"), help: "Authorities")
    peersFile = try reader.readOptional(
      "peersFile", .text("a path"), from: [.environment, .file], help: "Peers")
    apiToken = try reader.readSecret(
      "apiToken", SettingForm("letters") { $0.allSatisfy(\.isLetter) ? $0 : nil }, help: "Token")
  }
}

@Suite struct SettingsTests {
  private func load(
    flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
  ) throws -> SampleSettings {
    guard let file else { return try SampleSettings.load(flags: flags, environment: environment) }
    return try withTemporaryFile(file) { path in
      try SampleSettings.load(
        flags: flags, environment: environment.merging(["HOLDFAST_CONFIG": path]) { $1 })
    }
  }

  /// The message of the error that loading must throw. It calls the config file FILE.
  private func failure(
    flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
  ) throws -> String {
    let error = try #require(throws: SettingsError.self) {
      _ = try load(flags: flags, environment: environment, file: file)
    }
    #expect(!error.description.contains("\n"))
    return error.description.replacing(/"[^"]*holdfast-[-0-9A-F]*"/, with: "FILE")
  }

  @Test func `nothing given is the defaults`() throws {
    let settings = try load()
    #expect(settings.drainDelay == .seconds(5))
    #expect(settings.port == 8080)
    #expect(settings.isLoud == false)
    #expect(settings.storeUrl == "a:b")
    #expect(settings.caFile == nil)
    #expect(settings.apiToken == nil)
  }

  @Test func `a flag beats the environment, which beats the file`() throws {
    let file = #"{"port": 1, "drainDelay": 1.5}"#
    let environment = ["HOLDFAST_PORT": "2"]
    #expect(try load(file: file).port == 1)
    #expect(try load(environment: environment, file: file).port == 2)
    #expect(try load(flags: ["port": "3"], environment: environment, file: file).port == 3)
    #expect(try load(environment: environment, file: file).drainDelay == .milliseconds(1500))
  }

  @Test func `every setting is read from each of its sources`() throws {
    let values = [
      "drainDelay": "1.5", "port": "1", "isLoud": "true", "storeUrl": "x", "caFile": "/ca",
      "peersFile": "/peers", "apiToken": "secret",
    ]
    for definition in SampleSettings.definitions where definition.key != "config" {
      let value = try #require(values[definition.key])
      for source in definition.sources {
        let settings =
          switch source {
          case .flag: try load(flags: [definition.key: value])
          case .environment: try load(environment: [definition.environmentName: value])
          case .file: try load(file: #"{"\#(definition.key)": "\#(value)"}"#)
          }
        let read = Mirror(reflecting: settings).children.first { $0.label == definition.key }
        let expected = definition.key == "drainDelay" ? "1.5 seconds" : value
        #expect("\(try #require(read).value)".contains(expected), "\(definition.key) by \(source)")
      }
    }
  }

  @Test func `the names follow from the key`() throws {
    let definition = try #require(SampleSettings.definitions.first { $0.key == "drainDelay" })
    #expect(definition.environmentName == "HOLDFAST_DRAIN_DELAY")
    #expect(definition.flagName == "--drain-delay")
  }

  @Test func `an empty variable is not set`() throws {
    let settings = try load(
      environment: [
        "HOLDFAST_PORT": "", "HOLDFAST_CA_FILE": "", "HOLDFAST_STORE_URL": "", "HOLDFAST_API_TOKEN": "",
      ],
      file: #"{"port": 1}"#)
    #expect(settings.apiToken == nil)
    #expect(settings.port == 1)
    #expect(settings.caFile == nil)
    #expect(settings.storeUrl == "a:b")
    #expect(try load(environment: ["HOLDFAST_CONFIG": ""]).port == 8080)
  }

  @Test func `unknown variables are ignored`() throws {
    #expect(try load(environment: ["HOLDFAST_PROT": "1", "PORT": "2"]).port == 8080)
  }

  @Test func `a bad value names setting, source, value and what is allowed`() throws {
    #expect(
      try failure(flags: ["port": "70000"])
        == #"setting port: bad value "70000" from the flag --port; must be an integer from 0 to 65535"#
    )
    #expect(
      try failure(environment: ["HOLDFAST_DRAIN_DELAY": "a\nb"])
        == #"setting drainDelay: bad value "a\nb" from the environment variable HOLDFAST_DRAIN_DELAY; must be seconds from 0 to 300, fractions allowed"#
    )
    #expect(
      try failure(file: #"{"isLoud": 1}"#)
        == #"setting isLoud: bad value "1" from the config file FILE; must be true or false"#)
  }

  @Test(arguments: [
    ("port", "-1"), ("port", "1.5"), ("port", " 1"), ("port", ""), ("port", "99999999999999999999"),
    ("drainDelay", "-0.1"), ("drainDelay", "300.1"), ("drainDelay", "nan"), ("drainDelay", "inf"),
    ("drainDelay", "0x1"), ("drainDelay", "5s"), ("isLoud", "yes"), ("isLoud", "True"),
    ("caFile", ""),
  ])
  func `bad values are refused`(key: String, value: String) throws {
    #expect(try failure(flags: [key: value]).hasPrefix("setting \(key): bad value"))
  }

  @Test func `a stronger good value hides a bad one`() throws {
    #expect(try load(flags: ["port": "3"], environment: ["HOLDFAST_PORT": "x"]).port == 3)
  }

  @Test func `a secret is never shown`() throws {
    let secrets = [
      try failure(environment: ["HOLDFAST_API_TOKEN": "h1dden"]),
      try failure(environment: ["HOLDFAST_STORE_URL": "h1dden h1dden"]),
      try failure(file: #"{"storeUrl": "h1dden h1dden"}"#),
      try failure(flags: ["storeUrl": "@h1dden"]),
      try failure(file: #"{"apiToken": "h1dden"}"#),
    ]
    for message in secrets { #expect(!message.contains("h1dden")) }
    #expect(
      secrets[0]
        == "setting apiToken: bad value (a secret, not shown) from the environment variable "
        + "HOLDFAST_API_TOKEN; must be letters")
  }

  @Test func `a password is refused on the command line only`() throws {
    #expect(try load(environment: ["HOLDFAST_STORE_URL": "p@h"]).storeUrl == "p@h")
    #expect(try load(flags: ["storeUrl": "h"]).storeUrl == "h")
    #expect(
      try failure(flags: ["storeUrl": "p@h"])
        == "setting storeUrl: a password must not be in the flag --store-url, where every user of "
        + "this machine can read it; use HOLDFAST_STORE_URL or a config file")
  }

  @Test func `the file holds known members only`() throws {
    #expect(try failure(file: #"{"prot": 1}"#) == #"config file FILE: unknown member "prot""#)
    #expect(
      try failure(file: #"{"port": 1, "zz": null, "Port": 2}"#)
        == #"config file FILE: unknown members "Port", "zz""#)
    #expect(
      try failure(file: #"{"apiToken": "x"}"#)
        == "config file FILE: apiToken cannot be set here, use HOLDFAST_API_TOKEN")
    #expect(
      try failure(file: #"{"config": "x"}"#)
        == "config file FILE: config cannot be set here, use HOLDFAST_CONFIG")
  }

  @Test func `a member that is null is not set`() throws {
    #expect(try load(file: #"{"port": null}"#).port == 8080)
  }

  @Test func `a malformed file is told in one line`() throws {
    #expect(try failure(file: "").hasPrefix("config file FILE: not JSON"))
    #expect(try failure(file: #"{"port": 1,}"#).hasPrefix("config file FILE: not JSON"))
    #expect(try failure(file: #"{"port": 1, "port": 2}"#).contains("twice"))
    #expect(try failure(file: "[1]") == "config file FILE: not a JSON object")
    #expect(
      try failure(file: #"{"port": [1], "x": {}}"#)
        == #"config file FILE: must be a string, a number, true or false: "port", "x""#)
    #expect(
      try failure(file: #"{"port": true}"#).hasPrefix(#"setting port: bad value "true""#))
  }

  @Test func `a file that cannot be read is told in one line`() throws {
    #expect(
      try failure(flags: ["config": "/nowhere/x"])
        == #"config file "/nowhere/x": No such file or directory"#)
    #expect(
      try failure(environment: ["HOLDFAST_CONFIG": "/"]) == #"config file "/": Is a directory"#)
  }
}
