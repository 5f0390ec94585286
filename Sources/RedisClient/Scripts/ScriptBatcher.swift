import NIOCore

/// Sends calls of one script that come in one turn of the event loop as one call, of a script that runs them all.
///
/// A call that is alone goes at once, by itself. While a batch is under way, what comes meanwhile makes up the next one.
/// So the busier the node is, the more calls share what each would cost by itself. Each is still judged, answered and
/// repeated by itself. Belongs to the event loop of the link.
package final class ScriptBatcher {
  /// Fewer are cheaper one by one.
  static let minCalls = 3
  static let maxCalls = 64
  /// Of large carts fewer share a call. Each line of a hold has two.
  static let maxArguments = 512
  /// The deadlines of a batch lie within this, and all its calls are told of the latest one only.
  package static let maxDelay = CommandPipeline.tickInterval
  /// Calls wait no longer for a batch that is under way: Redis may be busy or gone.
  static let maxHold = TimeAmount.milliseconds(2)

  private struct Member {
    let call: ScriptRunner.Call
    let completion: ScriptRunner.Completion
  }

  private struct Batch {
    let script: Script
    private(set) var members: [Member] = []
    private(set) var arguments = 0
    private(set) var deadlines: ClosedRange<NIODeadline>
    private(set) var effectBefore: NIODeadline
    let awaitsReplicas: Bool

    init(_ script: Script, _ member: Member) {
      (self.script, awaitsReplicas) = (script, member.call.awaitsReplicas)
      (deadlines, effectBefore) = (member.call.deadline...member.call.deadline, member.call.effectBefore)
      append(member)
    }

    func takes(_ call: ScriptRunner.Call, of script: Script) -> Bool {
      self.script === script && awaitsReplicas == call.awaitsReplicas && members.count < maxCalls
        && arguments + call.arguments.count <= maxArguments
        && max(deadlines.upperBound, call.deadline) - min(deadlines.lowerBound, call.deadline) <= maxDelay
    }

    mutating func append(_ member: Member) {
      let call = member.call
      members.append(member)
      arguments += call.arguments.count
      deadlines = min(deadlines.lowerBound, call.deadline)...max(deadlines.upperBound, call.deadline)
      effectBefore = max(effectBefore, call.effectBefore)
    }
  }

  private let runner: ScriptRunner
  /// What has come since the last turn that sent something.
  private var waiting: [Batch] = []
  private var endOfTurnIsDue = false
  /// Batches that were sent and have no answer yet, and when the last one was sent.
  private var underWay = 0
  private var lastSent = NIODeadline.uptimeNanoseconds(0)

  package init(_ runner: ScriptRunner) { self.runner = runner }

  /// - Parameter script: it runs several such calls as one. Its arguments are the latest not-after, and for each call the
  ///   number of its arguments and these, its own not-after first. It replies with a list of what each would be answered.
  package func run(_ call: ScriptRunner.Call, in script: Script, completion: @escaping ScriptRunner.Completion) {
    let member = Member(call: call, completion: completion)
    if let index = waiting.lastIndex(where: { $0.takes(call, of: script) }) {
      waiting[index].append(member)
    } else {
      waiting.append(Batch(script, member))
    }
    guard !endOfTurnIsDue else { return }
    endOfTurnIsDue = true
    // Tasks run after all sockets of this turn were served.
    runner.link.eventLoop.assumeIsolated().execute { [self] in
      endOfTurnIsDue = false
      if underWay == 0 || runner.link.eventLoop.now - lastSent >= Self.maxHold { sendAll() }
    }
  }

  private func sendAll() {
    let batches = waiting
    waiting = []
    for batch in batches {
      if batch.members.count < Self.minCalls { runAlone(batch) } else { send(batch) }
    }
  }

  private func runAlone(_ batch: Batch) {
    for member in batch.members { runner.run(member.call, completion: member.completion) }
  }

  private func send(_ batch: Batch) {
    var arguments = RedisArguments(
      capacity: batch.members.reduce(64) { $0 + 64 + $1.call.arguments.bytes.readableBytes })
    arguments.append(runner.notAfter(batch.effectBefore))
    for member in batch.members {
      arguments.append(1 + member.call.arguments.count)
      arguments.append(runner.notAfter(member.call.effectBefore))
      arguments.append(contentsOf: member.call.arguments)
    }
    underWay += 1
    lastSent = runner.link.eventLoop.now
    runner.send(
      batch.script, arguments, deadline: batch.deadlines.upperBound, awaitsReplicas: batch.awaitsReplicas
    ) { [self] result in
      underWay -= 1
      settle(batch, result)
      if underWay == 0, !waiting.isEmpty { sendAll() }
    }
  }

  private func settle(_ batch: Batch, _ result: Result<RedisReply, RedisFailure>) {
    switch result {
    case .success(.array(let replies)) where replies.count == batch.members.count:
      settle(batch, replies.map { .success($0) })
    case .failure(.unknown(.notReplicated(.array(let replies), let why))) where replies.count == batch.members.count:
      settle(batch, replies.map { .failure(.unknown(.notReplicated($0, because: why))) })
    // It ran, and failed as a whole. What it wrote before stays.
    case .success(.error(let line)) where line.contains(batch.script.sha):
      let failure = RedisFailure.unknown(.scriptFailed(batch.script.signed(line)))
      settle(batch, batch.members.map { _ in .failure(failure) })
    case .success(.error(let line)) where RedisFailure.Rejection(line: line) == .noScript:
      // A Redis that does not take scripts refuses the single one, too: that is told then.
      runner.load(batch.script, deadline: batch.deadlines.upperBound) { _ in }
      runAlone(batch)
    // Each finds the same, and does about it what it would do alone.
    case .success, .failure: settle(batch, batch.members.map { _ in result })
    }
  }

  private func settle(_ batch: Batch, _ results: [Result<RedisReply, RedisFailure>]) {
    for (member, result) in zip(batch.members, results) { runner.settle(member.call, result, member.completion) }
  }
}
