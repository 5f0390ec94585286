/// Which master of a Redis Cluster serves which hash slots, as one server has told it. Pure.
struct SlotMap: Equatable {
  private struct Range: Equatable {
    let slots: ClosedRange<Int>
    let master: ServerAddress
  }

  /// Sorted, and apart from each other.
  private var ranges: [Range] = []
  /// Single slots that a server has said to be elsewhere.
  private var moved: [Int: ServerAddress] = [:]
  /// All servers, each once: masters and replicas.
  private(set) var servers: [ServerAddress] = []

  /// Knows nothing.
  init() {}

  /// - Parameters:
  ///   - reply: the reply to CLUSTER SLOTS.
  ///   - server: who has given it. A server that does not know its own address leaves it out.
  /// - Returns: nil if that is no such reply.
  init?(_ reply: RedisReply, from server: ServerAddress) {
    guard case .array(let entries) = reply else { return nil }
    for entry in entries {
      guard case .array(let parts) = entry, parts.count >= 3, case .integer(let first) = parts[0],
        case .integer(let last) = parts[1], 0 <= first, first <= last, last < HashSlot.count
      else { return nil }
      let group = parts.dropFirst(2).map { ServerAddress(clusterNode: $0, heardFrom: server) }
      // A replica without an address can't be asked. A master without one can't be used.
      guard let master = group[0] else { continue }
      ranges.append(Range(slots: Int(first)...Int(last), master: master))
      for case let address? in group where !servers.contains(address) { servers.append(address) }
    }
    ranges.sort { $0.slots.lowerBound < $1.slots.lowerBound }
    let areApart = zip(ranges, ranges.dropFirst()).allSatisfy { $0.slots.upperBound < $1.slots.lowerBound }
    guard areApart else { return nil }
  }

  var isEmpty: Bool { ranges.isEmpty && moved.isEmpty }

  /// The master of a slot. Nil if no server serves it, as far as is known.
  func master(of slot: Int) -> ServerAddress? {
    if let address = moved[slot] { return address }
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].slots.upperBound < slot { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].slots.contains(slot) ? ranges[low].master : nil
  }

  /// A server has said where a slot is now.
  /// - Returns: whether that is news.
  mutating func move(_ slot: Int, to address: ServerAddress) -> Bool {
    guard master(of: slot) != address else { return false }
    moved[slot] = address
    if !servers.contains(address) { servers.append(address) }
    return true
  }
}

extension ServerAddress {
  /// - Parameters:
  ///   - node: `[host, port, …]` in a reply to CLUSTER SLOTS. The host is empty or null if it is the one that was asked,
  ///     and `?` if nobody knows it.
  fileprivate init?(clusterNode node: RedisReply, heardFrom server: ServerAddress) {
    guard case .array(let parts) = node, parts.count >= 2, case .integer(let port) = parts[1],
      (1...65535).contains(port)
    else { return nil }
    let host = parts[0].text ?? ""
    guard host != "?" else { return nil }
    self.init(host: host.isEmpty ? server.host : host, port: Int(port))
  }
}

/// What a server says of a slot that it does not serve: `MOVED 3999 127.0.0.1:6381`.
struct SlotMove: Equatable {
  let slot: Int
  let address: ServerAddress

  init(slot: Int, address: ServerAddress) {
    (self.slot, self.address) = (slot, address)
  }

  /// Nil for any other error line.
  init?(line: String, from server: ServerAddress) {
    let words = line.split(separator: " ")
    guard words.count == 3, words[0] == "MOVED", let slot = Int(words[1]), (0..<HashSlot.count).contains(slot),
      let colon = words[2].lastIndex(of: ":"), let port = Int(words[2][words[2].index(after: colon)...]),
      (1...65535).contains(port)
    else { return nil }
    let host = words[2][..<colon]
    guard host != "?" else { return nil }
    self.slot = slot
    address = ServerAddress(host: host.isEmpty ? server.host : String(host), port: port)
  }
}
