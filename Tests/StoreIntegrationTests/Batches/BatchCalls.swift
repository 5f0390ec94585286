import TestSupport

@testable import Store

/// Seeded random calls of two scripts that share calls, and what happens to the store between them.
struct BatchCalls {
  private static let skus = ["A", "B", "a.b", "none", "C"]
  private static let nonces = ["00000000000000aa", "00000000000000bb"]

  /// What all keys begin with: of one shard of several, or empty.
  let prefix: String
  var random: SeededRandom
  private(set) var ids = 0
  private var keys: [(name: String, head: String, lines: [String])] = []
  private var confirmKeys: [String] = []

  init(seed: UInt64, prefix: String) {
    (random, self.prefix) = (SeededRandom(seed), prefix)
  }

  private var hasShards: Bool { !prefix.isEmpty }

  func key(_ name: String) -> String { prefix + name }

  // MARK: - The store

  mutating func stock() -> [[String]] {
    [["FLUSHALL"], ["RPUSH", key("idem:list"), "x"]]
      + Self.skus.filter { $0 != "none" }.flatMap { sku in
        let total = "\(random.number(0...25))"
        return [
          ["MSET", key("inventory:\(sku)"), total, key("total:\(sku)"), total, key("sold:\(sku)"), "0"],
          ["ZADD", key("skus"), "0", sku],
        ]
      }
  }

  /// A SKU of which holds that are due are released.
  mutating func dueSKU() -> String { Self.skus[random.number(0...2)] }

  /// Something that breaks a key, or mends it.
  mutating func damage() -> [String] {
    switch random.number(0...15) {
    case 0: ["MSET", key("inventory:C"), "-1"]
    case 1: ["MSET", key("inventory:C"), "9", key("total:C"), "9", key("sold:C"), "0"]
    case 2: ["SET", key("holds:B"), "x"]
    case 3, 4: ["DEL", key("holds:B")]
    case 5: ["SET", key("events"), "x"]
    case 6: ["DEL", key("events")]
    case 7: ["SET", key("due"), "x"]
    case 8: ["DEL", key("due")]
    case 9: ["SET", key("sales:A"), "x"]
    case 10: ["DEL", key("sales:A")]
    case 11: ["SET", key("sold:C"), "99"]
    // Deadlines that are none.
    case 12: ["ZADD", key("holds:B"), "17000000000000", "stray"]
    case 13: ["ZADD", key("holds:a.b"), "1700000003000.5", "stray"]
    case 14: ["ZADD", key("holds:A"), "inf", "stray"]
    default: ["ZREM", key("holds:B"), "stray"]
    }
  }

  /// What others have left under a key that was used or will be: a claim, or that claims are void.
  mutating func claim() -> [String]? {
    guard hasShards, let one = keys.suffix(3).first else { return nil }
    let request = one.head.dropFirst().prefix(Fingerprint.length)
    let other = String(repeating: "o", count: Fingerprint.length)
    return [
      "SET", one.name,
      random.oneIn(2)
        ? "~\(random.pick(Self.nonces))"
        : "!\(random.oneIn(2) ? String(request) : other) 0 \(random.pick(Self.nonces))",
    ]
  }

  // MARK: - Calls

  mutating func reserve(now: Int64) -> [String] {
    ids += 1
    var lines: [String] = []
    let first = random.number(0...3)
    for place in 0..<(random.oneIn(3) ? random.number(1...3) : 1) {
      lines += [Self.skus[(first + place) % Self.skus.count], "\(random.number(1...5))"]
    }
    var (name, head) = ("", "")
    let id = "id-\(ids)"
    if !keys.isEmpty, random.oneIn(4) {
      // A retry: another id, and the same request or another one under the same key.
      let earlier = keys[random.number(max(0, keys.count - 8)...(keys.count - 1))]
      (name, head) = (earlier.name, earlier.head + id + " ")
      if !random.oneIn(4) { lines = earlier.lines }
    } else if random.oneIn(2) {
      name = key(random.oneIn(12) ? "idem:list" : "idem:\(ids)")
      let request = "\(ids)".padding(to: Fingerprint.length)
      let start = "1\(request)\(hasShards && random.oneIn(2) ? "!\(random.pick(Self.nonces))" : "") "
      keys.append((name, start, lines))
      head = start + id + " "
    }
    let items = stride(from: 0, to: lines.count, by: 2).map { "\"\(lines[$0])\":\(lines[$0 + 1])" }
    let notAfter = now + (random.oneIn(9) ? -1 : Int64(random.number(0...3)))
    let record = ",\"items\":{\(items.joined(separator: ","))}}"
    return ["\(notAfter)", id, "\(random.number(1...4))", record, name, head] + lines
  }

  /// A hold without a key, for certain.
  mutating func hold(_ quantity: Int, of sku: String, now: Int64) -> [String] {
    ids += 1
    return ["\(now + 9)", "id-\(ids)", "4", ",\"items\":{\"\(sku)\":\(quantity)}}", "", "", sku, "\(quantity)"]
  }

  /// Of a recent reservation, often one that another member confirms too.
  mutating func confirm(now: Int64) -> [String] {
    let id = recentID()
    var name = ""
    if random.oneIn(2) {
      name = !confirmKeys.isEmpty && random.oneIn(3) ? random.pick(confirmKeys) : key("idem:c\(ids)\(id)")
      confirmKeys.append(name)
    }
    return ["\(now + (random.oneIn(9) ? -1 : 1))", id, name, "1\(id.padding(to: Fingerprint.length)) "]
  }

  mutating func recentID() -> String { "id-\(max(0, ids - random.number(0...9)))" }
}

extension String {
  fileprivate func padding(to length: Int) -> String { self + String(repeating: "f", count: max(0, length - count)) }
}
