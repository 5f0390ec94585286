import TestSupport

@testable import Node

/// The random faults of the simulated world, and their end.
extension LeaseSimulation {
  private static let second = 1_000_000

  /// Starts all nodes.
  func begin() {
    for node in nodes { later(random.number(0...300_000)) { node.start() } }
  }

  /// Causes one fault after another until `end`. Then everything is healed.
  func suffer(until end: Int) {
    faultsEnd = end
    begin()
    misfortune()
    later(end - now) { [self] in heal() }
  }

  private func misfortune() {
    later(random.number(random.pick([20_000...200_000, 200_000...2_000_000]))) { [self] in
      guard now < faultsEnd else { return }
      strike()
      misfortune()
    }
  }

  private func strike() {
    let node = random.oneIn(2) ? leader ?? random.pick(nodes) : random.pick(nodes)
    switch random.number(0...12) {
    case 0...1: pause(node)
    case 2: cut(node)
    case 3: reset(node)
    case 4: lose(node)
    case 5: retire(node)
    case 6: restartRedis()
    case 7: setClock()
    case 8:
      redisStallsUntil = now + duration(longest: 3)
      note("Redis stalls until \(redisStallsUntil / 1000) ms")
    case 9: failOver()
    default: changeWeather()
    }
  }

  /// A duration: mostly short, sometimes long, never past the end of the faults.
  private func duration(longest: Int) -> Int {
    let time = random.number(1000...random.pick([300_000, longest * Self.second]))
    return min(time, faultsEnd - now)
  }

  private func pause(_ node: SimulatedNode) {
    guard node.isRunning, !node.isPaused else { return }
    let life = node.life
    node.pause()
    later(duration(longest: 6)) { if node.isPaused, node.life == life { node.resume() } }
  }

  /// Cuts a link without notice to either side. After long silence the node gives the link up, but Redis does not.
  private func cut(_ node: SimulatedNode) {
    guard !node.isCut else { return }
    note("n\(node.index) is cut off")
    let (life, connection) = (node.life, node.connection)
    node.isCut = true
    later(2_500_000) {
      guard node.isCut, node.connection == connection else { return }
      node.deliver(toLife: life) { node.linkLost() }
    }
    later(duration(longest: 6)) { [self] in
      guard node.isCut else { return }
      join(node)
    }
  }

  private func join(_ node: SimulatedNode) {
    note("n\(node.index) is cut off no longer")
    node.isCut = false
    guard let connection = node.connection, !redis.knows(connection) else { return }
    node.deliver(toLife: node.life) { node.linkLost() }
  }

  /// Breaks the link. Each side notices it at its own time. Commands on their way may still run.
  func reset(_ node: SimulatedNode) {
    guard let connection = node.connection else { return }
    loseConnection(of: node)
    let life = node.life
    later(random.number(0...2000)) {
      guard node.connection == connection else { return }
      node.deliver(toLife: life) { node.linkLost() }
    }
  }

  private func loseConnection(of node: SimulatedNode) {
    guard let connection = node.connection else { return }
    let starts = redis.starts
    later(random.number(0...2000)) { [self] in
      guard redis.starts == starts else { return }
      note("Redis loses connection \(connection)")
      redis.disconnect(connection)
    }
  }

  /// Kills a process, and its connection with it. If the whole machine is lost, Redis does not notice it.
  private func lose(_ node: SimulatedNode) {
    guard node.isRunning else { return }
    kill(node, quietly: node.isCut || random.oneIn(4))
    let life = node.life
    later(duration(longest: 6)) { if !node.isRunning, node.life == life { node.start() } }
  }

  func kill(_ node: SimulatedNode, quietly: Bool) {
    if !quietly { loseConnection(of: node) }
    node.kill()
  }

  private func retire(_ node: SimulatedNode) {
    guard node.isRunning, !node.isPaused, node.stands else { return }
    let life = node.life
    node.retire()
    later(duration(longest: 4)) { [self] in
      guard node.life == life, !node.isPaused, !node.stands else { return }
      if random.oneIn(2) { lose(node) } else { node.standAgain() }
    }
  }

  private func restartRedis() {
    guard !isRedisDown else { return }
    isRedisDown = true
    let (losesLease, losesEpoch) = (random.oneIn(2), random.oneIn(2))
    note("Redis goes down, and loses\(losesLease ? " the lease" : "")\(losesEpoch ? " the epoch" : "")")
    redis.restart(losingLease: losesLease, losingEpoch: losesEpoch)
    if losesEpoch { promises.epochLost() }
    comeUp()
  }

  /// Redis starts again: all links are lost, and it serves after a while.
  private func comeUp() {
    for node in nodes where !node.isCut {
      let life = node.life
      later(random.number(0...5000)) { node.deliver(toLife: life) { node.linkLost() } }
    }
    later(max(20_000, duration(longest: 2))) { [self] in
      note("Redis is up")
      isRedisDown = false
    }
  }

  /// A replica replaces the master. It has its own clock and may lack the last writes.
  private func failOver() {
    guard !isRedisDown else { return }
    isRedisDown = true
    let oldest = now - random.pick([0, 10_000, 1_000_000])
    let past = pasts.first { $0.at >= oldest }
    let skew = random.oneIn(2) ? 0 : random.number(-5000...5000)
    note("Redis fails over to a server \((now - (past?.at ?? now)) / 1000) ms behind, its clock \(skew) ms ahead")
    if skew < 0 { promises.clockSetBack() }
    redis.failOver(to: past?.redis ?? redis, ahead: redis.ahead + skew)
    pasts = []
    promises.failedOver()
    comeUp()
  }

  private func setClock() {
    let furthest = random.pick([50, 1000, 20_000])
    let jump = random.number(-furthest...furthest)
    note("Redis's clock jumps by \(jump) ms")
    redis.ahead += jump
    if jump < 0 { promises.clockSetBack() }
  }

  private func changeWeather() {
    weather = Weather(
      losses: random.pick([nil, 20, 5, 2]), doubles: random.pick([nil, 10, 2]), delays: random.pick([nil, 10, 2]),
      longestDelay: random.pick([5_000, 300_000, 2_500_000]))
    note("weather: \(weather)")
  }

  private func heal() {
    note("faults end")
    weather = Weather()
    redisStallsUntil = now
    isRedisDown = false
    for node in nodes {
      if node.isCut { join(node) }
      if node.isPaused { node.resume() }
      if !node.isRunning, random.oneIn(2) { node.start() }
    }
    if !nodes.contains(where: { $0.stands }) {
      if nodes[0].isRunning { nodes[0].standAgain() } else { nodes[0].start() }
    }
  }
}
