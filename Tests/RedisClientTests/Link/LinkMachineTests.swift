import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite struct LinkMachineTests {
  /// The world around the machine. It has at most one attempt or link, and one timer, unless the machine asks for more.
  private struct Surroundings {
    var random: SeededRandom
    var machine = LinkMachine()
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    /// Attempts that have neither succeeded nor failed yet.
    var attempts = 0
    var links = 0
    var timers: [TimeAmount] = []
    var failuresInARow = 0
    var serves = 0
    var hasStopped = false
    var downSince: NIODeadline?
    var queuesUntil: NIODeadline

    init(seed: UInt64) {
      random = SeededRandom(seed)
      downSince = now
      queuesUntil = now + LinkMachine.firstQueueingGrace
      carryOut(machine.start(at: now))
    }

    mutating func step() {
      now = now + .milliseconds(Int64(random.number(0...400)))
      switch random.number(0...14) {
      case 0...1 where attempts > 0:
        attempts -= 1
        links += 1
        carryOut(machine.connected())
      case 2 where attempts > 0:
        attempts -= 1
        lose()
      case 3...4 where links > 0: carryOut(machine.handshakeCompleted())
      case 5 where links > 0:
        links -= 1
        lose()
      case 6...7 where !timers.isEmpty:
        now = now + timers.removeFirst()
        carryOut(machine.retryDue())
      // Events that come late, twice, or in the wrong state.
      case 8 where timers.isEmpty: carryOut(machine.retryDue())
      case 9 where attempts + links == 0: lose()
      case 10...11:
        if machine.state == .up { downSince = nil }
        machine.served()
      case 12:
        if machine.state == .up { failuresInARow = 0 }
        machine.wrote()
      case 13 where links > 0:
        if machine.state == .up { goDown(heard: now) }
        carryOut(machine.left(at: now))
      case 14:
        let (isElsewhere, wasWaiting) = (random.number(0...1) == 1, machine.state == .waiting)
        if machine.state == .up, isElsewhere { goDown(heard: now) }
        let action = machine.serverMoved(at: now, isElsewhere: isElsewhere, using: &random)
        if wasWaiting {
          failuresInARow = 0
          #expect(isRetry(action, within: LinkMachine.moveSpread))
          timers = []
        }
        carryOut(action)
      default: break
      }
    }

    private func isRetry(_ action: LinkMachine.Action, within limit: TimeAmount) -> Bool {
      if case .retry(let delay) = action { delay <= limit } else { false }
    }

    mutating func stop() {
      carryOut(machine.stop())
      hasStopped = true
    }

    private mutating func lose() {
      let wasTrying = [LinkMachine.State.connecting, .handshaking, .up, .leaving].contains(machine.state)
      let heard = now - .milliseconds(Int64(random.number(0...2500)))
      if machine.state == .up { goDown(heard: heard) }
      let action = machine.lost(at: now, heard: heard, using: &random)
      guard wasTrying else {
        #expect(action == .nothing)
        return
      }
      guard case .retry(let delay) = action else {
        Issue.record("gave up: \(action)")
        return
      }
      let ceiling = min(1_000_000_000, Int64(20_000_000) << min(failuresInARow, 30))
      #expect((ceiling / 2...ceiling).contains(delay.nanoseconds))
      failuresInARow += 1
      carryOut(action)
    }

    private mutating func goDown(heard: NIODeadline) {
      guard downSince == nil else { return }
      downSince = heard
      queuesUntil = (now - heard < .seconds(1) ? now : heard) + LinkMachine.queueingGrace
    }

    private mutating func carryOut(_ action: LinkMachine.Action) {
      switch action {
      case .connect:
        #expect(attempts == 0 && links == 0 && timers.isEmpty && !hasStopped, "a second attempt")
        attempts += 1
      case .handshake: #expect(links == 1 && !hasStopped)
      case .serve:
        serves += 1
      case .retry(let delay):
        #expect(timers.isEmpty && !hasStopped)
        timers.append(delay)
      case .leave: #expect(links == 1 && !hasStopped)
      case .close:
        // A socket reports its end later too.
        break
      case .nothing: break
      }
    }

    func check() {
      #expect(attempts + links + timers.count == 1, "it rests, or does two things at once")
      #expect(machine.downSince == downSince)
      #expect(machine.isSettled == (downSince == nil) && (machine.state == .up || !machine.isSettled))
      #expect(machine.reconnects == max(0, serves - 1))
      let expected: LinkMachine.Admission =
        if machine.state == .up {
          .send
        } else if now < queuesUntil {
          .queue
        } else {
          .refuse
        }
      #expect(machine.admission(at: now) == expected)
    }
  }

  @Test(arguments: UInt64(1)...50)
  func `a link never connects twice at once, and never gives up`(seed: UInt64) {
    var world = Surroundings(seed: seed)
    for _ in 0..<500 {
      world.step()
      world.check()
    }
  }

  @Test(arguments: UInt64(1)...50)
  func `a link does nothing more once it is stopped`(seed: UInt64) {
    var world = Surroundings(seed: seed)
    for _ in 0..<Int(seed) { world.step() }
    world.stop()
    for _ in 0..<50 {
      let attempts = world.attempts
      world.step()
      #expect(world.attempts <= attempts && world.machine.state == .stopped)
      #expect(world.machine.admission(at: world.now) == .refuse)
    }
  }

  @Test func `a link that is made after the stop is closed`() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect)
    #expect(machine.stop() == .nothing)
    #expect(machine.connected() == .close)
    #expect(machine.handshakeCompleted() == .nothing)
  }

  @Test func `stopping closes the link that there is`() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect && machine.connected() == .handshake)
    var serving = machine
    #expect(serving.handshakeCompleted() == .serve && serving.stop() == .close && serving.stop() == .nothing)
    #expect(machine.stop() == .close)
  }

  @Test func `starting twice is starting once`() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect)
    #expect(machine.start(at: .now()) == .nothing)
  }

  private static let instant = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  private func up() -> LinkMachine {
    var machine = LinkMachine()
    #expect(machine.start(at: Self.instant) == .connect && machine.connected() == .handshake)
    #expect(machine.handshakeCompleted() == .serve)
    return machine
  }

  private func again(_ machine: inout LinkMachine) {
    #expect(machine.retryDue() == .connect && machine.connected() == .handshake)
    #expect(machine.handshakeCompleted() == .serve)
  }

  @Test func `a link is down from the last reply until the next one has served`() {
    var random = SeededRandom(1)
    var machine = up()
    #expect(machine.downSince == Self.instant, "connected, and no more")
    machine.served()
    #expect(machine.downSince == nil && machine.isSettled)
    let closed = Self.instant + .seconds(60)
    let heard = closed - .milliseconds(2500)
    _ = machine.lost(at: closed, heard: heard, using: &random)
    #expect(machine.downSince == heard)
    for _ in 0..<3 {
      again(&machine)
      #expect(machine.downSince == heard && !machine.isSettled)
      _ = machine.lost(at: closed + .seconds(1), heard: closed + .seconds(1), using: &random)
      #expect(machine.downSince == heard, "it has not served in between")
    }
    again(&machine)
    machine.served()
    #expect(machine.downSince == nil)
  }

  /// Milliseconds since the last reply and since the loss, and what happens to a command then.
  @Test(arguments: [
    (0, 0, LinkMachine.Admission.queue), (0, 249, .queue), (0, 250, .refuse), (999, 0, .queue), (999, 249, .queue),
    (1000, 0, .refuse), (2500, 0, .refuse),
  ])
  func `a mere cut is waited for, and the end of a silence is not`(
    silence: Int64, later: Int64, expected: LinkMachine.Admission
  ) {
    var random = SeededRandom(1)
    var machine = up()
    machine.served()
    let lost = Self.instant + .seconds(60)
    _ = machine.lost(at: lost, heard: lost - .milliseconds(silence), using: &random)
    #expect(machine.admission(at: lost + .milliseconds(later)) == expected)
  }

  @Test func `a link that is left takes no commands, and is not serving`() {
    var random = SeededRandom(1)
    var machine = up()
    machine.served()
    #expect(machine.left(at: Self.instant) == .leave && machine.state == .leaving)
    #expect(machine.downSince == Self.instant && machine.admission(at: Self.instant) == .queue)
    #expect(machine.left(at: Self.instant + .seconds(1)) == .nothing, "once is enough")
    machine.served()
    machine.wrote()
    #expect(machine.downSince == Self.instant, "what is answered now counts no more")
    guard case .retry = machine.lost(at: Self.instant, heard: Self.instant, using: &random) else {
      Issue.record("gave up")
      return
    }
    #expect(machine.left(at: Self.instant) == .nothing)
    var greeting = LinkMachine()
    _ = greeting.start(at: Self.instant)
    #expect(greeting.left(at: Self.instant) == .nothing)
    _ = greeting.connected()
    #expect(greeting.left(at: Self.instant) == .close)
  }

  /// What a link did between two losses, and whether the back-off starts again.
  @Test(arguments: [
    (["up"], false), (["up", "served"], false), (["up", "wrote"], true), (["up", "served", "wrote"], true),
    (["up", "left", "wrote"], false), (["up", "wrote", "left"], true), ([], false), (["wrote"], false),
  ])
  func `the back-off begins anew only when a write has succeeded`(events: [String], isAnew: Bool) {
    var random = SeededRandom(3)
    for before in 1...12 {
      var machine = LinkMachine()
      _ = machine.start(at: Self.instant)
      for _ in 0..<before {
        _ = machine.lost(at: Self.instant, heard: Self.instant, using: &random)
        _ = machine.retryDue()
      }
      for event in events {
        switch event {
        case "up":
          _ = machine.connected()
          _ = machine.handshakeCompleted()
        case "served": machine.served()
        case "wrote": machine.wrote()
        default: _ = machine.left(at: Self.instant)
        }
      }
      guard case .retry(let delay) = machine.lost(at: Self.instant, heard: Self.instant, using: &random) else {
        Issue.record("gave up")
        continue
      }
      let ceiling: Int64 = isAnew ? 20 : min(1000, 20 << Int64(before))
      #expect((ceiling * 500_000...ceiling * 1_000_000).contains(delay.nanoseconds), "\(delay) after \(before)")
    }
  }

  @Test func `the back-off doubles from twenty milliseconds to a second, and is spread`() {
    var random = SeededRandom(7)
    for (failures, ceiling) in [20, 40, 80, 160, 320, 640, 1000, 1000, 1000].enumerated() {
      var shares: [Double] = []
      for _ in 0..<200 {
        var machine = LinkMachine()
        var action = machine.start(at: .now())
        for _ in 0...failures {
          action = machine.lost(at: .now(), heard: .now(), using: &random)
          _ = machine.retryDue()
        }
        if case .retry(let delay) = action { shares.append(Double(delay.nanoseconds) / Double(ceiling * 1_000_000)) }
      }
      #expect(shares.count == 200 && shares.allSatisfy { (0.5...1).contains($0) })
      #expect(shares.contains { $0 < 0.6 } && shares.contains { $0 > 0.9 })
    }
  }
}
