import NIOCore
import RedisClient

@testable import Store

/// A clock in Redis that the test sets, to the microsecond.
///
/// The scripts run unchanged except for one call: instead of Redis's TIME, they read two keys. So a test can meet every
/// deadline to the millisecond, and a seed gives the same run each time. ``RedisTimeTests`` shows that the real scripts
/// use Redis's TIME.
enum TestClock {
  /// Long before now, so that the not-after instants, which links make from Redis's own clock, never apply.
  static let start: Int64 = 1_700_000_000_000

  private static let time = "redis.call('TIME')"
  private static let testTime = "redis.call('MGET', 'test:seconds', 'test:microseconds')"

  static func scripts(tuning: ScriptLibrary.Tuning = .init(), shards: ShardMap = ShardMap()) -> ScriptLibrary {
    ScriptLibrary(tuning: tuning, shards: shards).edited { _, source in
      precondition(source.ranges(of: time).count == 1, "a script takes the time once")
      return source.replacing(time, with: testTime)
    }
  }

  /// The command that sets the clock.
  static func setting(_ epochMilliseconds: Int64, microseconds: Int64 = 0) -> [String] {
    let withinSecond = epochMilliseconds % 1000 * 1000 + microseconds
    return ["MSET", "test:seconds", "\(epochMilliseconds / 1000)", "test:microseconds", "\(withinSecond)"]
  }
}

extension ScriptLibrary {
  /// The library with an edited text of each script.
  ///
  /// - Parameter edit: returns the new text for a name and a text.
  func edited(_ edit: (String, String) -> String) -> ScriptLibrary {
    let all: [WritableKeyPath<ScriptLibrary, Script>] = [
      \.reserve.script, \.confirm.script, \.cancel.script, \.extend.script, \.readReservation.script,
      \.readStock.script, \.listStock.script, \.changeStock.script, \.deleteStock.script, \.auditStock.script,
      \.findUnlisted.script, \.inspectStock.script, \.release.script, \.acquireLease.script, \.renewLease.script,
      \.releaseLease.script, \.sweep.script, \.trim.script, \.overdue.script, \.commit.script, \.holdPart.script,
      \.settle.script, \.standing.script, \.acknowledge.script, \.unsettled.script, \.claim.script,
      \.voidClaim.script,
    ]
    var library = self
    func edited(_ script: Script) -> Script {
      Script(name: script.name, source: edit(script.name, script.source), writes: script.writes)
    }
    for path in all { library[keyPath: path] = edited(library[keyPath: path]) }
    library.reserve.batch = library.reserve.batch.map(edited)
    library.confirm.batch = library.confirm.batch.map(edited)
    return library
  }
}
