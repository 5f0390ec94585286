import TestSupport

@testable import Store

/// One run of the simulation: what its clients do, and whether it kept what was promised.
struct CartRun {
  private(set) var breaches: [String] = []
  let tally: CartRecord.Tally

  init(seed: UInt64, _ weather: CartWorld.Weather, areLossesAllowed: Bool = false, mistake: CartMistake? = nil) {
    let world = CartWorld(seed: seed, weather: weather, mistake: mistake)
    let clients = CartClients(world)
    clients.begin()
    for node in world.nodes.indices { world.sweep(from: node) }
    world.run()
    tally = world.record.tally
    judge(world, areLossesAllowed)
  }

  private mutating func judge(_ world: CartWorld, _ areLossesAllowed: Bool) {
    let shards = world.servers.map(\.shard)
    let record = world.record
    for shard in shards {
      for (sku, stock) in shard.stock where stock.available + stock.sold != stock.total || stock.available < 0 {
        breaches.append("\(sku): \(stock)")
      }
      if !shard.unsettled.isEmpty { breaches.append("unsettled for ever: \(shard.unsettled)") }
      for (id, held) in shard.records {
        if case .active = held.status { breaches.append("held for ever: \(id) on \(shard.number)") }
      }
    }
    guard !areLossesAllowed else { return }
    if !record.laggards.isEmpty { breaches.append("parts lag behind: \(record.laggards)") }
    for shard in shards where shard.conflicts > 0 { breaches.append("\(shard.conflicts) conflicts on \(shard.number)") }
    for (id, lines) in record.lines {
      let home = ModelShard.home(of: id)
      let status = shards[home].records[id]?.status
      let isSold = if case .confirmed? = status { true } else { false }
      for part in lines.keys where part != home {
        let follower = shards[part].records[id]?.status
        let isPartSold = if case .confirmed? = follower { true } else { false }
        if isPartSold != isSold { breaches.append("\(id): \(status as Any) at home, \(follower as Any) on \(part)") }
      }
      if record.confirmed.contains(id), !isSold { breaches.append("confirmed and lost: \(id)") }
      if record.cancelled.contains(id), isSold { breaches.append("cancelled and sold: \(id)") }
      if record.held.contains(id), status == nil || status == .void { breaches.append("held and lost: \(id)") }
    }
    for (key, requests) in record.acknowledged where requests.count > 1 {
      breaches.append("key \(key) served \(requests)")
    }
    let made = record.requests.filter { id, _ in
      let status = shards[ModelShard.home(of: id)].records[id]?.status
      return status != nil && status != .void
    }
    let byKey = Dictionary(grouping: made.filter { $0.value.key != nil }) { $0.value.key! }
    for (key, ids) in byKey where ids.count > 1 { breaches.append("key \(key) made \(ids.map(\.key))") }
    for no in record.refused where byKey[no.key]?.contains(where: { $0.value.request == no.request }) == true {
      breaches.append("refused, and made: \(no)")
    }
    for no in record.used where byKey[no.key]?.contains(where: { $0.value.request != no.request }) != true {
      breaches.append("called used, and was not: \(no)")
    }
  }
}

/// Shoppers: they reserve, ask again until they know, and then buy, cancel, hold on or forget it. Some use a key twice.
private final class CartClients {
  private let world: CartWorld
  private var lastRequest = 0

  init(_ world: CartWorld) { self.world = world }

  func begin() {
    for number in 0..<10 {
      world.later(world.random.number(0...5000)) { [unowned self] in shop(number % 5) }
    }
  }

  private func shop(_ number: Int) {
    let key = world.random.oneIn(4) ? nil : number
    reserve(request(), key, triesLeft: 6)
    // Other wishes under the same key, at about the same time.
    for _ in 0..<(key == nil ? 0 : world.random.number(0...2)) {
      let delay = world.random.number(0...(world.random.oneIn(2) ? 60 : 1500))
      world.later(delay) { [unowned self] in reserve(request(), key, triesLeft: 6) }
    }
  }

  private func request() -> CartWorld.Request {
    lastRequest += 1
    var lines: [Int: [String: Int]] = [:]
    let count = world.random.number(1...min(3, world.servers.count))
    while lines.count < count {
      let shard = world.random.number(0...world.servers.count - 1)
      lines[shard] = ["s\(shard)-\(world.random.number(0...1))": world.random.number(1...3)]
    }
    return CartWorld.Request(
      number: lastRequest, fingerprint: Fingerprint(of: "\(lastRequest)"), lines: lines,
      ttl: world.random.number(1000...6000))
  }

  private func reserve(_ request: CartWorld.Request, _ key: Int?, triesLeft: Int) {
    ask { [unowned self] node, answer in
      world.reserve(request, key: key, at: node, answer: answer)
    } then: { [unowned self] answer in
      switch answer {
      case .held(let id)?:
        world.record.held.insert(id)
        if let key { world.record.acknowledged[key, default: []].insert(request.number) }
        checkOut(id)
      case .refused?: if let key { world.record.refused.append((key, request.number)) }
      case .used?, .impossible?: break
      case .failed?, .unknown?, nil:
        // Without a key nobody asks again.
        guard triesLeft > 0, key != nil else { return }
        world.later(world.random.number(20...400)) { [unowned self] in
          reserve(request, key, triesLeft: triesLeft - 1)
        }
      }
    }
  }

  private func checkOut(_ id: Int, within limit: Int = 4000) {
    world.later(world.random.number(10...limit)) { [unowned self] in
      switch world.random.number(0...5) {
      case 0...2: step(id, .confirm, triesLeft: 8)
      case 3: step(id, .cancel, triesLeft: 8)
      case 4:
        step(id, .extend(ttl: world.random.number(4000...12_000)), triesLeft: 0)
        checkOut(id, within: 300)
      default: break
      }
    }
  }

  private func step(_ id: Int, _ step: ModelShard.Step, triesLeft: Int) {
    ask { [unowned self] node, answer in
      world.checkOut(id, step, at: node, answer: answer)
    } then: { [unowned self] answer in
      switch answer {
      case .held?:
        if step == .confirm {
          world.record.confirmed.insert(id)
          world.record.tally.confirmed += 1
        }
        if step == .cancel { world.record.cancelled.insert(id) }
      case .failed?, .unknown?, nil:
        guard triesLeft > 0 else { return }
        world.later(world.random.number(20...400)) { [unowned self] in
          self.step(id, step, triesLeft: triesLeft - 1)
        }
      case .refused?, .used?, .impossible?: break
      }
    }
  }

  /// Asks one of the nodes; nil if it dies, or is dead.
  private func ask(
    _ question: (Int, @escaping (CartWorld.Answer) -> Void) -> Void, then: @escaping (CartWorld.Answer?) -> Void
  ) {
    let node = world.random.number(0...world.nodes.count - 1)
    var isAnswered = false
    func once(_ answer: CartWorld.Answer?) {
      guard !isAnswered else { return }
      isAnswered = true
      then(answer)
    }
    guard !world.nodes[node].isDown else { return world.later(10) { once(nil) } }
    question(node) { once($0) }
    // Longer than any attempt can still take effect.
    world.later(2500) { once(nil) }
  }
}
