import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the files of tokens anew at each SIGHUP, which does not end the process. If a file can't be read, all stays as
/// it was.
package struct TokenRefresh: Service {
  private let files: TokenFiles
  private let begin: TokenFiles.Contents
  /// Puts others in the place of those that are in use.
  private let take: @Sendable (TokenFiles.Contents) async -> Void
  private let logger: Logger

  package init(
    files: TokenFiles, current: TokenFiles.Contents, logger: Logger,
    take: @escaping @Sendable (TokenFiles.Contents) async -> Void
  ) {
    (self.files, begin, self.logger, self.take) = (files, current, logger, take)
  }

  package func run() async throws {
    warnOfShort(begin)
    var current = begin
    let signals = await UnixSignalsSequence(trapping: .sighup)
    // A signal that came since the files were read was ignored. If they can't be read now, the refresh says so.
    if (try? files.read(over: begin)) != begin { await refresh(&current) }
    for await _ in signals.cancelOnGracefulShutdown() { await refresh(&current) }
  }

  package func refresh(_ current: inout TokenFiles.Contents) async {
    guard !files.isEmpty else {
      logger.notice("SIGHUP: no tokens came from a file, so there is nothing to be read anew")
      return
    }
    do throws(SettingsError) {
      current = try files.read(over: current)
    } catch {
      logger.error("tokens could not be read anew: the old ones stay", metadata: ["reason": "\(error)"])
      return
    }
    await take(current)
    logger.notice(
      "tokens have been read anew",
      metadata: [
        "adminNames": .array(current.admin.names.map { "\($0)" }),
        "clientNames": .array(current.client.names.map { "\($0)" }),
        "hasClusterToken": .stringConvertible(current.cluster != nil),
      ])
    warnOfShort(current)
  }

  private func warnOfShort(_ contents: TokenFiles.Contents) {
    for (setting, names) in contents.short {
      logger.warning(
        "a token is easily guessed: it should have at least \(AccessTokens.goodLength) random characters",
        metadata: ["setting": "\(setting)", "names": .array(names.map { "\($0)" })])
    }
  }
}

/// The log names what runs by its description, in which no token must be.
extension TokenRefresh: CustomStringConvertible {
  package var description: String { "TokenRefresh" }
}
