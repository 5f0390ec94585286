/// A mistake put into the simulation on purpose: what its promises must notice.
enum LeaseMistake: CaseIterable {
  // In Redis.
  case noFence
  case notAfterIgnored
  case epochStandsStill
  /// Rises by one and knows no time: begins anew when its key is lost.
  case epochOnlyCounts
  case renewsForAnybody
  case releasesForAnybody
  /// Replaces whoever holds the lease, not only the one who is named.
  case replacesAnybody
  /// Replaces the holder also when it has moved to another connection.
  case replacesAnywhere
  case acquiresFromAnybody
  case leaseNeverLapses
  /// Numbers a term by what the server knows alone, which may lack the last ones.
  case epochOfTheServerOnly
  /// Lets a term go on that a later one has followed, on a server that is master no longer.
  case oldTermsReturn

  // In nodes.
  case oneTokenForAllTerms
  case neverStepsDown
  /// Takes an answer to an earlier attempt for one to the last.
  case answersOfAnyAttempt
  case noPauseBetweenTries
  case sweepsPastTheTerm
  case timersForgotten
  case deafToReleases
  case blindToAbsence
  case takesAnyAbsence
  case standsThoughRetired
}
