import NIOCore
import NIOEmbedded
import RedisClient
import TestSupport
import Testing

@testable import Store

/// The promise of ``KeyedWriter`` under random faults. There are two nodes, clients that repeat a request with its key
/// until they know the outcome, links that die, and commands that reach Redis long after they were given up.
@Suite struct KeyedWriterSimulationTests {
  @Test(arguments: UInt64(1)...400)
  func `no client is told no of what takes effect, and none waits too long`(seed: UInt64) {
    let world = World(seed: seed)
    for index in 0..<20 { world.client("idem:\(index)") }
    world.loop.advanceTime(by: .seconds(120))
    world.check()
  }

  @Test func `the simulation has faults enough to prove something`() {
    var effects = 0
    var refusals = 0
    var unknowns = 0
    var lateEffects = 0
    for seed: UInt64 in 1...40 {
      let world = World(seed: seed)
      for index in 0..<20 { world.client("idem:\(index)") }
      world.loop.advanceTime(by: .seconds(120))
      effects += world.effects.count
      refusals += world.refused.count
      unknowns += world.unknowns
      lateEffects += world.effectsAfterTheirLinkWasLost
    }
    #expect(effects > 100 && refusals > 100 && unknowns > 100 && lateEffects > 20)
  }
}

/// Redis, the network, two nodes and their clients, on one simulated clock.
private final class World {
  let loop = EmbeddedEventLoop()
  private var random: SeededRandom
  private var nodes: [(link: ScriptedLink, writer: KeyedWriter)] = []
  /// When each key took effect. More than one instant shows a defect in the nodes.
  private(set) var effects: [String: [NIODeadline]] = [:]
  private(set) var refused: [String] = []
  private(set) var unknowns = 0
  private(set) var effectsAfterTheirLinkWasLost = 0
  private var overtime: [TimeAmount] = []
  private var open = 0
  private let reserve = StoreScript<ReserveVerdict>(
    script: Script(name: "reserve", source: "return 1", writes: true), kind: .adds)

  init(seed: UInt64) {
    random = SeededRandom(seed)
    for _ in 0..<2 {
      let link = ScriptedLink(loop: loop)
      link.onSend = { [unowned self] in transmit($0) }
      nodes.append((link, KeyedWriter(caller: StoreCaller(link: link))))
    }
  }

  /// A client that repeats its request at either node until the answer is yes or no.
  func client(_ key: String) {
    open += 1
    ask(key, at: loop.now + .milliseconds(Int64(random.number(0...3000))), triesLeft: 12)
  }

  private func ask(_ key: String, at instant: NIODeadline, triesLeft: Int) {
    loop.assumeIsolated().scheduleTask(deadline: instant) { [unowned self] in
      let arrival = loop.now
      random.pick(nodes).writer.run(reserve, RedisArguments(key), record: key, arrival: arrival) {
        [unowned self] result in
        let took = loop.now - arrival
        if took > .seconds(2) { overtime.append(took) }
        if case .success(let reply) = result {
          open -= 1
          if reply.verdict.isRefusal { refused.append(key) }
        } else if triesLeft > 0 {
          if case .failure(.redis(.unknown)) = result { unknowns += 1 }
          ask(key, at: loop.now + .milliseconds(Int64(random.number(0...50))), triesLeft: triesLeft - 1)
        } else {
          open -= 1
        }
      }
    }
  }

  /// Carries a command to Redis and its reply back, with random faults.
  private func transmit(_ command: ScriptedLink.Command) {
    var isAnswered = false
    let answer = { (result: ScriptedLink.Answer) in
      if !isAnswered {
        isAnswered = true
        command.answer(result)
      }
    }
    func later(_ range: ClosedRange<Int>, _ act: @escaping () -> Void) {
      let instant = loop.now + .milliseconds(Int64(random.number(range)))
      loop.assumeIsolated().scheduleTask(deadline: instant, act)
    }
    loop.assumeIsolated().scheduleTask(deadline: command.deadline) { answer(.failure(.unknown(.deadlinePassed))) }
    let slow = random.oneIn(3) ? 0...2500 : 0...10
    switch random.number(0...9) {
    case 0: later(0...5) { answer(.failure(.notSent(.offline))) }
    // The command is lost.
    case 1: later(0...1600) { answer(.failure(.unknown(.linkLost))) }
    // The command waits in a socket. The link is lost, and the command still runs.
    case 2...4:
      later(random.pick([0...5, 0...1600])) { answer(.failure(.unknown(.linkLost))) }
      later(random.pick([0...400, 0...2500])) { [unowned self] in
        if command.arguments[0] != "GET", execute(command) != nil, isAnswered { effectsAfterTheirLinkWasLost += 1 }
      }
    // The answer is lost.
    case 5: later(slow) { [unowned self] in _ = execute(command) }
    default:
      later(slow) { [unowned self] in
        let reply = reply(to: command)
        later(0...5) { answer(.success(reply)) }
      }
    }
  }

  private func reply(to command: ScriptedLink.Command) -> RedisReply {
    // Redis is full for a moment.
    if command.arguments[0] != "GET", random.oneIn(6) { return .error("OOM command not allowed") }
    let line = execute(command, tellingRefusals: true)
    return line.map { .bytes(Array($0.utf8)) } ?? .null
  }

  /// Imitates a write script: no effect after its not-after instant, none twice, and none without stock.
  private func execute(_ command: ScriptedLink.Command, tellingRefusals: Bool = false) -> String? {
    if command.arguments[0] == "GET" { return effects[command.arguments[1]].map { _ in "record" } }
    let (now, key) = (nodes[0].link.redisNow, command.arguments[4])
    if now > command.notAfter { return tellingRefusals ? "LATE \(now)" : nil }
    if effects[key] != nil { return tellingRefusals ? "PRIOR \(now) record" : nil }
    // Stock comes and goes.
    if random.oneIn(2) { return tellingRefusals ? "SHORT \(now)" : nil }
    effects[key, default: []].append(loop.now)
    return "OK \(now)"
  }

  func check() {
    #expect(open == 0, "someone was never answered")
    #expect(overtime.isEmpty, "an answer took \(overtime)")
    for key in refused { #expect(effects[key] == nil, "\(key) was refused and took effect") }
    for (key, instants) in effects { #expect(instants.count == 1, "\(key) took effect twice") }
  }
}
