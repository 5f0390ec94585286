@testable import Store

/// How nodes decide about carts in the simulation, bring their parts there, and sweep.
extension CartWorld {
  func checkOut(_ id: Int, _ step: ModelShard.Step, at node: Int, answer: @escaping (Answer) -> Void) {
    call(from: node, shard: ModelShard.home(of: id), within: Self.effect) { model, now in
      model.checkOut(id, step, now: now)
    } answer: { [unowned self] reply in
      switch reply {
      case .done(.done(let record)):
        answer(.held(id))
        follow(id, PartSettlement.Standing(record.status, now: clock(of: ModelShard.home(of: id))), from: node)
      case .done: answer(.impossible)
      case .late: answer(.failed)
      case .lost: later(Self.effect, at: node) { answer(.unknown) }
      }
    }
  }

  /// Home has decided: brings the parts there.
  func follow(_ id: Int, _ standing: PartSettlement.Standing, from node: Int) {
    let parts = parts(of: id)
    if !parts.isEmpty { settle(id, PartSettlement(standing, parts: parts), from: node) }
  }

  private func parts(of id: Int) -> Set<Shard> {
    Set(record.lines[id]!.keys.filter { $0 != ModelShard.home(of: id) }.map { Shard(number: $0) })
  }

  private final class Settling {
    var machine: PartSettlement
    init(_ machine: PartSettlement) { self.machine = machine }
  }

  private func settle(_ id: Int, _ machine: PartSettlement, from node: Int) {
    let settling = Settling(machine)
    perform(id, settling, node, machine.begin())
  }

  private func perform(_ id: Int, _ settling: Settling, _ node: Int, _ actions: [PartSettlement.Action]) {
    let home = ModelShard.home(of: id)
    for action in actions {
      switch action {
      case .askHome:
        call(from: node, shard: home, within: 400) { [mistake] model, now in
          model.standing(id, now: now, mistake: mistake)
        } answer: { [unowned self] reply in
          if case .void? = reply.value { record.tally.orphans += 1 }
          perform(id, settling, node, settling.machine.home(reply.value, parts: parts(of: id)))
        }
      case .settle(let shard, let standing):
        let lines = record.lines[id]![shard.number]!
        call(from: node, shard: shard.number, within: 400, doubled: true) { [mistake] model, now in
          model.settle(id, lines, standing, now: now, mistake: mistake)
        } answer: { [unowned self] reply in
          perform(id, settling, node, settling.machine.settled(shard, reply.value == true))
        }
      case .acknowledge(let standing):
        call(from: node, shard: home, within: 400) { model, _ in
          model.acknowledge(id, standing)
        } answer: { [unowned self] reply in
          perform(id, settling, node, settling.machine.acknowledged(reply.value != nil))
        }
      case .finish: break
      }
    }
  }

  // MARK: - The sweep

  /// Nodes go round the shards. Two may do so at once, as where a leader does not know yet that it leads no longer.
  func sweep(from node: Int) {
    // In the end one of them does.
    let isQuiet = now >= Self.quietFrom
    guard !isQuiet || node == 0 else { return }
    later(isQuiet ? 1500 : random.number(250...600)) { [unowned self] in
      if !nodes[node].isDown {
        for shard in servers.indices {
          call(from: node, shard: shard, within: 400) { [mistake] model, now in
            model.sweep(now: now, mistake: mistake)
            return (due: model.dueParts(now: now), unsettled: model.unsettled.sorted())
          } answer: { [unowned self] reply in
            guard let found = reply.value else { return }
            for id in found.due { settle(id, PartSettlement(dueAt: Shard(number: shard)), from: node) }
            for id in found.unsettled { settle(id, PartSettlement(), from: node) }
          }
        }
      }
      sweep(from: node)
    }
  }
}

extension PartSettlement.Standing {
  fileprivate init(_ status: ModelShard.Status, now: Int) {
    self =
      switch status {
      case .active(let deadline): .held(milliseconds: Int64(max(0, deadline - now)))
      case .confirmed(let instant): .confirmed(at: Int64(instant))
      case .ended(let instant): .ended(at: Int64(instant))
      case .void: .void
      }
  }
}
