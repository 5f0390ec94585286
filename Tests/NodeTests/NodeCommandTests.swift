import Common
import Foundation
import Testing

@testable import Node

/// A process that finds out after its start that it cannot work with its settings.
private struct UnfitCommand: SettingsCommand {
  typealias Settings = NodeSettings

  func run() async throws {
    try await withSettings { _ in throw SettingsError("that will not do") }
  }
}

@Suite struct NodeCommandTests {
  private static let settingsWithFlag = NodeSettings.definitions.filter {
    $0.sources.contains(.flag)
  }

  @Test func `every setting meant to have a flag has one, and no other does`() throws {
    let options = Mirror(reflecting: try NodeCommand.parse([])).children
      .compactMap { $0.label.map { String($0.dropFirst()) } }
    #expect(options == Self.settingsWithFlag.map(\.key))
  }

  @Test func `every flag is called as its setting says`() throws {
    for setting in Self.settingsWithFlag {
      let isSwitch = setting.allowed == SettingForm.boolean.allowed
      let value = isSwitch ? "true" : "x"
      let command = try NodeCommand.parse([setting.flagName] + (isSwitch ? [] : ["x"]))
      #expect(command.flags == [setting.key: value])
    }
    #expect(try NodeCommand.parse(["--no-log-requests"]).flags == ["logRequests": "false"])
    #expect(try NodeCommand.parse([]).flags == [:])
  }

  @Test func `every setting is in the help, with its default and its variable`() {
    let help = NodeCommand.helpMessage(columns: 10_000)
    for setting in NodeSettings.definitions {
      let line = help.split(separator: "\n").first { $0.contains(setting.environmentName) }
      #expect(line?.contains("default: \(setting.defaultText ?? "none")") == true, "\(setting.key)")
      #expect(line?.contains(setting.help) == true, "\(setting.key)")
    }
  }

  @Test func `flags become settings`() throws {
    let command = try #require(
      try NodeCommand.parseAsRoot(["--port", "0", "--drain-delay", "2.5", "--log-requests"])
        as? NodeCommand)
    let settings = try NodeSettings.load(flags: command.flags, environment: [:])
    #expect(settings.port == 0)
    #expect(settings.drainDelay == .milliseconds(2500))
    #expect(settings.logRequests)
  }

  @Test func `a bad setting is one line and exit code 78`() async throws {
    let result = try await #require(
      processExitsWith: .exitCode(78), observing: [\.standardErrorContent]
    ) {
      await NodeCommand.main(["--port", "70000"])
    }
    #expect(
      String(decoding: result.standardErrorContent, as: UTF8.self)
        .split(separator: "\n").filter { $0.contains("setting") } == [
          #"holdfast-node: setting port: bad value "70000" from the flag --port; "#
            + "must be an integer from 0 to 65535"
        ])
  }

  @Test func `a config file that is not there is exit code 78`() async {
    await #expect(processExitsWith: .exitCode(78)) {
      setenv("HOLDFAST_CONFIG", "/nowhere/x", 1)
      await NodeCommand.main([])
    }
  }

  @Test func `a process may end over its settings too`() async throws {
    let result = try await #require(
      processExitsWith: .exitCode(78), observing: [\.standardErrorContent]
    ) {
      await UnfitCommand.main([])
    }
    let told = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(told.contains("unfit-command: that will not do\n"))
  }

  @Test func `an unknown flag is exit code 64`() async {
    await #expect(processExitsWith: .exitCode(64)) { await NodeCommand.main(["--prot", "1"]) }
    await #expect(processExitsWith: .exitCode(64)) {
      await NodeCommand.main(["--admin-token", "x"])
    }
    await #expect(processExitsWith: .exitCode(64)) {
      await NodeCommand.main(["--cluster-token", "x"])
    }
  }
}
