import TestSupport
import Testing

extension PrivateRedis {
  /// The used part of `maxmemory`, in bytes.
  var usedMemory: Int { get throws { try memory("used_memory") } }
  var memoryLimit: Int { get throws { try memory("maxmemory") } }

  private func memory(_ name: String) throws -> Int {
    let line = try cli("INFO", "memory").split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name):") }
    return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) })
  }

  /// Fills it to this share of its limit with one key, `filler`.
  func fill(to share: Double) throws {
    try cli("DEL", "filler")
    try cli("SETRANGE", "filler", "\(Int(Double(memoryLimit) * share) - usedMemory)", "x")
  }
}
