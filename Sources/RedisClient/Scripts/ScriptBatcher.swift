import NIOCore

/// Sends calls of one script that come in one turn of the event loop as one call, of a script that runs them all.
///
/// Nothing waits for more to come: a call goes when the turn ends, and goes alone where it is the only one. So the busier
/// the node is, the more calls share what each would cost by itself. Each is still judged, answered and repeated by itself.
/// Belongs to the event loop of the link.
package final class ScriptBatcher {
  /// So few are cheaper one by one.
  static let minCalls = 3
  /// Two for each line of a hold: Redis does other work after about a millisecond.
  static let maxArguments = 512
  /// Calls share the latest deadline among them, which so differs from their own by no more than a link's check.
  static let maxDelay = CommandPipeline.tickInterval

  private struct Member {
    let call: ScriptRunner.Call
    let completion: ScriptRunner.Completion
  }

  private struct Batch {
    let script: Script
    var members: [Member]
    var arguments: Int

    func takes(_ call: ScriptRunner.Call, of script: Script) -> Bool {
      let first = members[0].call
      let difference = call.deadline - first.deadline
      return self.script.sha == script.sha && arguments + call.arguments.count <= ScriptBatcher.maxArguments
        && call.awaitsReplicas == first.awaitsReplicas
        && difference <= ScriptBatcher.maxDelay && .zero - difference <= ScriptBatcher.maxDelay
    }
  }

  private let runner: ScriptRunner
  /// The calls of this turn.
  private var batches: [Batch] = []

  package init(_ runner: ScriptRunner) { self.runner = runner }

  /// - Parameter script: it runs several such calls as one. Its arguments are the latest not-after, and for each call their
  ///   number and the arguments themselves, its own not-after first. It replies with a list of what each would be answered.
  package func run(_ call: ScriptRunner.Call, in script: Script, completion: @escaping ScriptRunner.Completion) {
    if batches.isEmpty {
      // Tasks run after all sockets of this turn were served.
      runner.link.eventLoop.assumeIsolated().execute { [self] in sendAll() }
    }
    let member = Member(call: call, completion: completion)
    if let index = batches.lastIndex(where: { $0.takes(call, of: script) }) {
      batches[index].members.append(member)
      batches[index].arguments += call.arguments.count
    } else {
      batches.append(Batch(script: script, members: [member], arguments: call.arguments.count))
    }
  }

  private func sendAll() {
    let all = batches
    batches = []
    for batch in all {
      if batch.members.count < Self.minCalls { runAlone(batch) } else { send(batch) }
    }
  }

  private func runAlone(_ batch: Batch) {
    for member in batch.members { runner.run(member.call, completion: member.completion) }
  }

  private func send(_ batch: Batch) {
    let calls = batch.members.map(\.call)
    let deadline = calls.map(\.deadline).max() ?? .distantPast
    var arguments = RedisArguments(capacity: calls.reduce(64) { $0 + 64 + $1.arguments.bytes.readableBytes })
    arguments.append(runner.notAfter(calls.map(\.effectBefore).max() ?? .distantPast))
    for call in calls {
      arguments.append(1 + call.arguments.count)
      arguments.append(runner.notAfter(call.effectBefore))
      arguments.append(contentsOf: call.arguments)
    }
    runner.send(
      batch.script, arguments, deadline: deadline, awaitsReplicas: calls[0].awaitsReplicas
    ) { [self] result in
      settle(batch, result, deadline: deadline)
    }
  }

  private func settle(_ batch: Batch, _ result: Result<RedisReply, RedisFailure>, deadline: NIODeadline) {
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
      // If Redis does not take it, the calls go alone from now on, too.
      runner.load(batch.script, deadline: deadline) { _ in }
      runAlone(batch)
    // Each finds the same, and does about it what it would do alone.
    case .success, .failure: settle(batch, batch.members.map { _ in result })
    }
  }

  private func settle(_ batch: Batch, _ results: [Result<RedisReply, RedisFailure>]) {
    for (member, result) in zip(batch.members, results) { runner.settle(member.call, result, member.completion) }
  }
}
