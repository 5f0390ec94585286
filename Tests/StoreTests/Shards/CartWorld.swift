import TestSupport

@testable import Store

/// Shards with clocks of their own, nodes that hold carts over them and may die at any step, a sweep that goes round
/// them, clients that ask again, and what befalls them all. Everything follows from the seed; time is in milliseconds.
final class CartWorld {
  /// What is wrong with the world until it is quiet.
  struct Weather {
    /// One message in so many is lost, and one is late.
    var losses = 12
    var delays = 8
    var crashes = true
    /// Shards fail over to a server that may lack the last writes; what is acknowledged is on it if replicas are awaited.
    var failovers = false
    var awaitsReplicas = true
  }

  static let quietFrom = 10_000
  /// By then all parts have followed what was decided before it was quiet.
  static let settledBy = 16_000
  static let end = 34_000

  let mistake: CartMistake?
  let weather: Weather
  var random: SeededRandom
  private(set) var now = 0
  /// The soonest is the last.
  private var agenda: [Event] = []
  private var lastOrder = 0
  private(set) var servers: [Server] = []
  private(set) var nodes: [SimulatedNode] = []
  var record = CartRecord()
  private var lastID = 0
  private var lastNonce: UInt64 = 0

  /// A shard, with the server that it is on.
  struct Server {
    var shard: ModelShard
    /// Its clock is so far ahead of the world's.
    var clock: Int
    /// Of the servers that it was on before.
    var generation = 0
    /// What it held after each write that replicas may lack; the first is what they have.
    var unreplicated: [ModelShard] = []
    /// Answers that wait for replicas.
    var waiting: [() -> Void] = []
    var isReplicationDue = false
  }

  private struct Event {
    /// When it is; of those at one instant, the one that was planned first comes first.
    let place: Int
    let act: () -> Void
    var at: Int { place >> 24 }
  }

  /// One node of the cluster. Whatever it waits for dies with it.
  struct SimulatedNode {
    var life = 0
    var isDown = false
  }

  init(seed: UInt64, weather: Weather, mistake: CartMistake? = nil) {
    (random, self.weather, self.mistake) = (SeededRandom(seed), weather, mistake)
    let count = random.number(2...4)
    let provisional = random.pick([300, 1000, 5000])
    for number in 0..<count {
      let skus = (0...1).map { "s\(number)-\($0)" }
      let stock = skus.map { ($0, ModelShard.Stock(total: 6, available: 6)) }
      servers.append(
        Server(
          shard: ModelShard(
            number: number, stock: Dictionary(uniqueKeysWithValues: stock), provisional: provisional),
          clock: random.number(-5000...5000)))
    }
    nodes = [SimulatedNode(), SimulatedNode()]
  }

  func newID(home: Int) -> Int {
    lastID += 1
    return lastID * 16 + home
  }

  func newNonce() -> UInt64 {
    lastNonce += 1
    return lastNonce
  }

  // MARK: - Time

  func later(_ delay: Int, _ event: @escaping () -> Void) {
    lastOrder += 1
    let place = (now + delay) << 24 | lastOrder
    var low = 0
    var high = agenda.count
    while low < high {
      let middle = (low + high) / 2
      if agenda[middle].place > place { low = middle + 1 } else { high = middle }
    }
    agenda.insert(Event(place: place, act: event), at: low)
  }

  /// An event of a node, which dies with it.
  func later(_ delay: Int, at node: Int, _ event: @escaping () -> Void) {
    let life = nodes[node].life
    later(delay) { [unowned self] in if nodes[node].life == life { event() } }
  }

  func run() {
    if weather.crashes { scheduleCrash() }
    if weather.failovers { scheduleFailover() }
    later(Self.settledBy) { [unowned self] in noteLaggards() }
    while let next = agenda.popLast(), next.at <= Self.end {
      now = next.at
      next.act()
    }
  }

  private func noteLaggards() {
    for (id, lines) in record.lines {
      let home = ModelShard.home(of: id)
      guard case .confirmed(let instant)? = servers[home].shard.records[id]?.status,
        instant - servers[home].clock < Self.quietFrom
      else { continue }
      for part in lines.keys where part != home {
        if case .active? = servers[part].shard.records[id]?.status { record.laggards.append(id) }
      }
    }
  }

  private var isQuiet: Bool { now >= Self.quietFrom }

  private func scheduleCrash() {
    later(random.number(300...3000)) { [unowned self] in
      guard !isQuiet else { return }
      let node = random.number(0...nodes.count - 1)
      nodes[node].life += 1
      nodes[node].isDown = true
      later(random.number(100...1500)) { [unowned self] in nodes[node].isDown = false }
      scheduleCrash()
    }
  }

  private func scheduleFailover() {
    later(random.number(500...4000)) { [unowned self] in
      guard !isQuiet else { return }
      let number = random.number(0...servers.count - 1)
      var server = servers[number]
      // The new master has what replicas have, and perhaps some of what came after.
      let known = [server.unreplicated.first ?? server.shard] + server.unreplicated.dropFirst() + [server.shard]
      server.shard = known[random.number(0...known.count - 1)]
      server.generation += 1
      server.unreplicated = []
      server.waiting = []
      server.clock = random.number(-5000...5000)
      servers[number] = server
      scheduleFailover()
    }
  }

  /// Replicas get what was written, after a while. By then it may have been lost with its server.
  private func scheduleReplication(of number: Int) {
    guard !servers[number].isReplicationDue else { return }
    servers[number].isReplicationDue = true
    later(random.number(5...(isQuiet || !random.oneIn(3) ? 60 : 500))) { [unowned self] in
      let waiting = servers[number].waiting
      servers[number].unreplicated = []
      servers[number].waiting = []
      servers[number].isReplicationDue = false
      for answer in waiting { answer() }
    }
  }

  // MARK: - Messages

  func clock(of shard: Int) -> Int { now + servers[shard].clock }

  /// Runs a script on a shard, unless that is later than `bound` by the shard's clock.
  ///
  /// - Parameter answer: called with nil if it is not known what came of it; false, if it surely did nothing.
  func call<Answer>(
    from node: Int, shard: Int, within: Int, doubled: Bool = false,
    _ script: @escaping (inout ModelShard, Int) -> Answer, answer: @escaping (Reply<Answer>) -> Void
  ) {
    let bound = clock(of: shard) + within
    let generation = servers[shard].generation
    let life = nodes[node].life
    var isAnswered = false
    let tell: (Reply<Answer>) -> Void = { [unowned self] reply in
      guard !isAnswered, nodes[node].life == life else { return }
      isAnswered = true
      answer(reply)
    }
    let arrive: () -> Void = { [unowned self] in
      // A message to the server before is lost with its connection.
      guard servers[shard].generation == generation else { return tell(.lost) }
      guard clock(of: shard) <= bound else { return tell(.late) }
      let before = weather.failovers ? servers[shard].shard : nil
      let result = script(&servers[shard].shard, clock(of: shard))
      if let before {
        servers[shard].unreplicated.append(before)
        scheduleReplication(of: shard)
      }
      let back: () -> Void = { [unowned self] in
        guard passes() else { return later(300) { tell(.lost) } }
        later(flight()) { tell(.done(result)) }
      }
      if weather.failovers && weather.awaitsReplicas { servers[shard].waiting.append(back) } else { back() }
    }
    if passes() { later(flight(), arrive) } else { later(300) { tell(.lost) } }
    // What is told to be lost may arrive all the same.
    if doubled && !isQuiet && random.oneIn(6) { later(flight() + random.number(0...within), arrive) }
    later(within + 100) { tell(.lost) }
  }

  enum Reply<Answer> {
    case done(Answer)
    /// It did nothing.
    case late
    /// It may have done something, or do it until its bound.
    case lost
  }

  private func passes() -> Bool { isQuiet || !random.oneIn(weather.losses) }

  private func flight() -> Int {
    let quick = random.number(1...8)
    return isQuiet || !random.oneIn(weather.delays) ? quick : quick + random.number(0...1500)
  }
}
