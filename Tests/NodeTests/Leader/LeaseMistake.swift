/// A deliberate mistake in the simulation. The promises must notice it.
enum LeaseMistake: CaseIterable {
  // In Redis.
  case noFence
  case notAfterIgnored
  case epochStandsStill
  /// The epoch only counts up and does not include the time, so it starts again when its key is lost.
  case epochOnlyCounts
  case renewsForAnybody
  case releasesForAnybody
  /// A try replaces any holder of the lease, not only the named one.
  case replacesAnybody
  /// A try replaces the holder even if it has moved to another connection.
  case replacesAnywhere
  case acquiresFromAnybody
  case leaseNeverLapses
  /// The epoch of a term depends only on what the server knows, which may lack the last terms.
  case epochOfTheServerOnly
  /// A term continues after a later one has begun, on a server that is no longer the master.
  case oldTermsReturn

  // In nodes.
  case oneTokenForAllTerms
  case neverStepsDown
  /// An answer to an earlier attempt counts as an answer to the last one.
  case answersOfAnyAttempt
  case noPauseBetweenTries
  case sweepsPastTheTerm
  case timersForgotten
  case deafToReleases
  case blindToAbsence
  case takesAnyAbsence
  case standsThoughRetired
}
