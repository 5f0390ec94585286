import NIOCore

@testable import Node

/// The sweep as the leader of one long term does it, batch by batch, but with more patience.
extension Engine.Parts {
  private static let term = String(repeating: "5", count: 32)
  private static let patience = TimeAmount.seconds(10)
  private static let mostBatches = 100

  /// Sweeps until nothing is due, and tells how many holds were released.
  func sweep(_ answer: @escaping (Answer) -> Void) {
    var arguments = RedisArguments(Self.term)
    arguments.append(3_600_000)
    for text in ["0 model host:1", ""] { arguments.append(text) }
    run(scripts.acquireLease, arguments) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok else { return answer(Self.strange(result)) }
      sweep(released: 0, batchesLeft: Self.mostBatches, answer)
    }
  }

  private func sweep(released: Int, batchesLeft: Int, _ answer: @escaping (Answer) -> Void) {
    var arguments = RedisArguments(Self.term)
    arguments.append(SweepRepository.linesPerBatch)
    run(scripts.sweep, arguments) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok, batchesLeft > 0 else {
        return answer(Self.strange(result))
      }
      var words = reply.rest
      let sum = released + (words.nextInteger() ?? 0)
      guard let next = words.nextInstant(), next <= reply.time else {
        return answer(Answer(status: 200, body: "\(sum) released"))
      }
      sweep(released: sum, batchesLeft: batchesLeft - 1, answer)
    }
  }

  private func run(
    _ script: Script, _ arguments: RedisArguments, _ completion: @escaping ScriptRunner.Completion
  ) {
    let end = NIODeadline.now() + Self.patience
    runner.run(.init(script: script, arguments: arguments, effectBefore: end, deadline: end), completion: completion)
  }

  /// For what no model answers.
  private static func strange(_ result: Result<ScriptReply, RedisFailure>) -> Answer {
    Answer(status: 0, body: "\(result)")
  }
}
