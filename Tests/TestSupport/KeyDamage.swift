/// Damage to a key in Redis, as mistakes or malice may cause it. The key is missing, has another type, other bytes or
/// an absurd number, or expires.
package struct KeyDamage: Sendable, CustomStringConvertible {
  package let key: String
  /// The commands that cause it. Redis may refuse some, and then the key stays as it was.
  package let commands: [[String]]

  /// The numbers are ones that nobody would write. A likely number can't be told from the right one.
  private static let values = [
    "", "x", "1.0", "1e3", " 8", "0x10", "inf", "nan", "-1", "-9223372036854775808", "9223372036854775807", "08",
    "99999999999999999999", "{\"v\":1,\"status\":\"ACTIVE\",\"expiresAt\":letters", "1700000000000", "\0\u{1}\n\"\\%d'",
  ]
  private static let scores = ["-1", "5e300", "1.5", "15000000000000", "1.5e21"]

  package init(of key: String, _ random: inout SeededRandom) {
    self.key = key
    let value = random.pick(Self.values)
    commands =
      switch random.number(0...9) {
      case 0...1: [["DEL", key]]
      case 2...4: [["SET", key, value]]
      case 5: [["DEL", key], ["RPUSH", key, value]]
      case 6: [["DEL", key], ["ZADD", key, "\(random.number(-5...5))", value]]
      case 7: [["DEL", key], ["HSET", key, "a", value]]
      case 8: [["PEXPIRE", key, "1000000"]]
      default: [["ZADD", key, random.pick(Self.scores), value]]
      }
  }

  package var description: String { commands.map { $0.joined(separator: " ") }.joined(separator: ", ") }
}

extension PrivateRedis {
  /// Runs commands in one script, at one instant. They may hold any bytes. Commands that Redis refuses do nothing.
  package func run(_ commands: [[String]]) throws {
    func hex(_ word: String) -> String {
      "x" + word.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    let script = """
      for _, line in ipairs(ARGV) do
        local words = {}
        for digits in string.gmatch(line, 'x(%x*)') do
          words[#words + 1] = string.gsub(digits, '%x%x', function(byte) return string.char(tonumber(byte, 16)) end)
        end
        redis.pcall(unpack(words))
      end
      return #ARGV
      """
    let lines = commands.map { $0.map(hex).joined() }
    let ran = try cli(["EVAL", script, "0"] + lines)
    guard ran == "\(commands.count)" else { throw ServerProcess.StartFailed(description: "commands failed: \(ran)") }
  }
}
