import Common
import Foundation
import Testing

@Suite struct SettingsCommandTests {
  private struct NoSettings: ProcessSettings {
    init(from reader: inout SettingsReader) throws(SettingsError) {}
  }

  /// It is made before its flags are read. Nothing of a process comes earlier.
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
    // The flags are those of the tests, which it does not have.
    await #expect(processExitsWith: .exitCode(64)) {
      signal(SIGHUP, SIG_DFL)
      await Hasty.main()
    }
  }
}
