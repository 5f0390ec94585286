import Foundation

/// The clock of this machine, which is that of its Redis too.
func epochMilliseconds() -> Int { Int(Date().timeIntervalSince1970 * 1000) }
