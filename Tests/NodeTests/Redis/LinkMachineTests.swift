import NIOCore
import TestSupport
import Testing

@testable import Node

@Suite struct LinkMachineTests {
  /// What lies outside of the machine: at most one attempt or link, and one timer, unless the machine asks for more.
  private struct Surroundings {
    var random: SeededRandom
    var machine = LinkMachine()
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    /// Asked for and neither made nor failed.
    var attempts = 0
    var links = 0
    var timers: [TimeAmount] = []
    var failuresInARow = 0
    var serves = 0
    var hasStopped = false
    var downSince: NIODeadline?

    init(seed: UInt64) {
      random = SeededRandom(seed)
      downSince = now
      carryOut(machine.start(at: now))
    }

    mutating func step() {
      now = now + .milliseconds(Int64(random.number(0...400)))
      switch random.number(0...9) {
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
      // Events that come late, twice, or out of place.
      case 8 where timers.isEmpty: carryOut(machine.retryDue())
      case 9 where attempts + links == 0: lose()
      default: break
      }
    }

    mutating func stop() {
      carryOut(machine.stop())
      hasStopped = true
    }

    private mutating func lose() {
      let wasTrying = [LinkMachine.State.connecting, .handshaking, .up].contains(machine.state)
      if machine.state == .up { downSince = now }
      let action = machine.lost(at: now, using: &random)
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

    private mutating func carryOut(_ action: LinkMachine.Action) {
      switch action {
      case .connect:
        #expect(attempts == 0 && links == 0 && timers.isEmpty && !hasStopped, "a second attempt")
        attempts += 1
      case .handshake: #expect(links == 1 && !hasStopped)
      case .serve:
        serves += 1
        failuresInARow = 0
        downSince = nil
      case .retry(let delay):
        #expect(timers.isEmpty && !hasStopped)
        timers.append(delay)
      case .close:
        // Told of later, as a socket does.
        break
      case .nothing: break
      }
    }

    func check() {
      #expect(attempts + links + timers.count == 1, "it rests, or does two things at once")
      #expect((machine.state == .up) == (machine.downSince == nil))
      #expect(machine.downSince == downSince)
      #expect(machine.reconnects == max(0, serves - 1))
      let grace = serves > 0 ? LinkMachine.queueingGrace : LinkMachine.firstQueueingGrace
      let expected: LinkMachine.Admission =
        if machine.state == .up {
          .send
        } else if let downSince, now - downSince < grace {
          .queue
        } else {
          .refuse
        }
      #expect(machine.admission(at: now) == expected)
    }
  }

  @Test(arguments: UInt64(1)...50)
  func neverConnectsTwiceAtOnceAndNeverGivesUp(seed: UInt64) {
    var world = Surroundings(seed: seed)
    for _ in 0..<500 {
      world.step()
      world.check()
    }
  }

  @Test(arguments: UInt64(1)...50)
  func doesNothingMoreOnceStopped(seed: UInt64) {
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

  @Test func aLinkThatIsMadeAfterTheStopIsClosed() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect)
    #expect(machine.stop() == .nothing)
    #expect(machine.connected() == .close)
    #expect(machine.handshakeCompleted() == .nothing)
  }

  @Test func stoppingClosesTheLinkThereIs() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect && machine.connected() == .handshake)
    var serving = machine
    #expect(serving.handshakeCompleted() == .serve && serving.stop() == .close && serving.stop() == .nothing)
    #expect(machine.stop() == .close)
  }

  @Test func startingTwiceIsStartingOnce() {
    var machine = LinkMachine()
    #expect(machine.start(at: .now()) == .connect)
    #expect(machine.start(at: .now()) == .nothing)
  }

  @Test func theBackOffDoublesFromTwentyMillisecondsToASecondAndIsSpread() {
    var random = SeededRandom(7)
    for (failures, ceiling) in [20, 40, 80, 160, 320, 640, 1000, 1000, 1000].enumerated() {
      var shares: [Double] = []
      for _ in 0..<200 {
        var machine = LinkMachine()
        var action = machine.start(at: .now())
        for _ in 0...failures {
          action = machine.lost(at: .now(), using: &random)
          _ = machine.retryDue()
        }
        if case .retry(let delay) = action { shares.append(Double(delay.nanoseconds) / Double(ceiling * 1_000_000)) }
      }
      #expect(shares.count == 200 && shares.allSatisfy { (0.5...1).contains($0) })
      #expect(shares.contains { $0 < 0.6 } && shares.contains { $0 > 0.9 })
    }
  }
}
