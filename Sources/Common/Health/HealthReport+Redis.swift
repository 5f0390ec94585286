/// What nodes and the coordinator must hold alike of Redis.
extension HealthReport.Redis {
  /// What a fault comes to: with these words its sentence ends, behind a colon.
  package static let cannotSell = "the shop cannot sell"
  /// Redis's clock and the node's further apart than this: one of the two is wrong.
  package static let maxClockOffsetMs = 5000
  /// New reserves and stock writes are refused from this share of `maxmemory` on.
  private static let nearlyFull = 0.9

  /// - Parameter limitBytes: 0 for none.
  package static func isNearlyFull(usedBytes: Int, limitBytes: Int) -> Bool {
    limitBytes > 0 && Double(usedBytes) >= nearlyFull * Double(limitBytes)
  }

  /// Its faults, without what they come to.
  package var obstacles: [String] {
    let conclusion = ": \(Self.cannotSell)"
    return faults.map { $0.hasSuffix(conclusion) ? String($0.dropLast(conclusion.count)) : $0 }
  }
}
