import NIOCore
import Store

/// The times of the lease.
struct LeaseTiming: Equatable, Sendable {
  /// How long the lease lives in Redis without renewal.
  var ttl = Duration.milliseconds(3000)
  /// Time between renewals, give or take a tenth.
  var renewal = Duration.milliseconds(500)
  /// An attempt without an answer is given up after this, and has no effect later.
  var attempt = Duration.milliseconds(400)
  /// The holder steps down so long before the lease could lapse.
  var margin = Duration.milliseconds(500)
  /// Followers try for the lease at least this often.
  var look = Duration.milliseconds(500)
  /// Followers ask so often whether the holder's connection is still there…
  var lookUp = Duration.milliseconds(50)
  /// …and take over when it has been away for so long: a link that was merely cut is back long before.
  var absence = Duration.milliseconds(150)
  /// Pause after an attempt that failed.
  var retry = Duration.milliseconds(50)

  /// Ends the process where the times do not go together. Pauses are given or take a tenth.
  func check() {
    precondition(
      attempt < margin && Duration(SweepRepository.limit) < margin,
      "what a leader sent must be done or void before its lease can lapse")
    precondition(retry < attempt && attempt < renewal * 0.9, "an attempt must be given up before the next is due")
    precondition(
      renewal * 1.1 + (retry * 1.1 + attempt) * 2 < ttl - margin, "two renewals in a row must be able to fail")
    precondition(lookUp * 1.1 * 2 < absence, "one look alone must not prove that a holder is gone")
    precondition(absence < ttl && look < ttl, "followers must look before the lease has lapsed")
  }
}
