import NIOCore
import RedisClient
import TestSupport

@testable import Store

/// A repository on a scripted link. It shows the arguments of script calls and the meaning of their replies.
final class RepositoryBench<Repository> {
  let link = ScriptedLink()
  let scripts = ScriptLibrary(tuning: .init(hasBatches: false))
  let repository: Repository

  init(_ repository: (StoreSession) -> Repository) {
    self.repository = repository(StoreSession(scripts: scripts, link: link))
  }

  var sha: String { link.last.arguments[1] }
  /// The arguments of the last script call, after its not-after instant.
  var arguments: [String] { Array(link.last.arguments.dropFirst(4)) }

  /// The result of a call whose script replies with `line`. Nil if the call did not end at once.
  func told<Value>(
    _ line: String, _ call: (@escaping (Result<Value, StoreFailure>) -> Void) -> Void
  ) -> Result<Value, StoreFailure>? {
    var told: Result<Value, StoreFailure>?
    call { told = $0 }
    link.last.line(line)
    return told
  }
}
