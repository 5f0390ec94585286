import NIOCore

@testable import Node

/// A repository on a scripted link: what it gives its scripts, and what it takes their replies for.
final class RepositoryBench<Repository> {
  let link = ScriptedLink()
  let scripts = ScriptLibrary(tuning: .init())
  let repository: Repository

  init(_ make: (ScriptLibrary, ScriptRunner, KeyedWriter) -> Repository) {
    let runner = ScriptRunner(link: link)
    repository = make(scripts, runner, KeyedWriter(runner: runner))
  }

  var sha: String { link.last.arguments[1] }
  /// The arguments of the last script call, after its not-after instant.
  var arguments: [String] { Array(link.last.arguments.dropFirst(4)) }

  /// What becomes of a call whose script replies with `line`; nil if it was not told at once.
  func told<Value>(
    _ line: String, _ call: (@escaping (Result<Value, RedisFailure>) -> Void) -> Void
  ) -> Result<Value, RedisFailure>? {
    var told: Result<Value, RedisFailure>?
    call { told = $0 }
    link.last.line(line)
    return told
  }
}
