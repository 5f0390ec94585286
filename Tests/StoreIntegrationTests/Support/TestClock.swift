import NIOCore
import RedisClient

@testable import Store

/// A clock in Redis that the test sets, to the microsecond.
///
/// The scripts run as they are, but for one call: where they ask Redis for its TIME, they read two keys instead. So
/// every deadline can be met to the millisecond, and a seed gives the same run each time. That the scripts
/// go by Redis's own TIME otherwise is shown by ``RedisTimeTests``.
enum TestClock {
  /// Long before now: the not-after instants that links make from Redis's own clock are never in the way.
  static let start: Int64 = 1_700_000_000_000

  private static let time = "redis.call('TIME')"
  private static let testTime = "redis.call('MGET', 'test:seconds', 'test:microseconds')"

  static func scripts(tuning: ScriptLibrary.Tuning = .init()) -> ScriptLibrary {
    ScriptLibrary(tuning: tuning).edited { _, source in
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
  /// The library with the text of each script changed.
  ///
  /// - Parameter edit: gives a new text for name and text.
  func edited(_ edit: (String, String) -> String) -> ScriptLibrary {
    let all: [WritableKeyPath<ScriptLibrary, Script>] = [
      \.reserve.script, \.confirm.script, \.cancel.script, \.extend.script, \.readReservation.script,
      \.readStock.script, \.listStock.script, \.changeStock.script, \.deleteStock.script, \.auditStock.script,
      \.findUnlisted.script, \.inspectStock.script, \.release.script, \.acquireLease.script, \.renewLease.script,
      \.releaseLease.script, \.sweep.script, \.trim.script, \.overdue.script,
    ]
    var library = self
    for path in all {
      let script = library[keyPath: path]
      library[keyPath: path] = Script(
        name: script.name, source: edit(script.name, script.source), writes: script.writes)
    }
    return library
  }
}
