import Foundation

/// The clock of this machine, which is also the clock of its Redis.
func epochMilliseconds() -> Int { Int(Date().timeIntervalSince1970 * 1000) }
