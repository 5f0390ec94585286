import Common
import Foundation
import Testing

@Suite struct SettingsCommandTests {
  private struct NoSettings: ProcessSettings {
    init(from reader: inout SettingsReader) throws(SettingsError) {}
  }

  /// The command is created before its flags are read. Nothing in a process runs earlier.
  private struct Hasty: SettingsCommand {
    typealias Settings = NoSettings

    init() {
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGHUP)
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
      raise(SIGHUP)
    }

    func run() async throws {}
  }

  @Test func `a hang-up does not end a process that has just begun`() async {
    // The process gets the flags of the test run, which the command does not know.
    await #expect(processExitsWith: .exitCode(64)) {
      signal(SIGHUP, SIG_DFL)
      await Hasty.main()
    }
  }
}
