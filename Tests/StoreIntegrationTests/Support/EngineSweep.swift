import NIOCore
import RedisClient

@testable import Store

/// Sweeps batch by batch like the leader of one long term, but with longer deadlines.
extension Engine.Parts {
  private static let term = String(repeating: "5", count: 32)
  private static let patience = TimeAmount.seconds(30)
  private static let maxBatches = 100

  /// Sweeps until nothing is due, and returns how many holds were released.
  func sweep(_ answer: @escaping (Answer) -> Void) {
    var arguments = RedisArguments(Self.term)
    arguments.append(3_600_000)
    for text in ["0 model host:1", ""] { arguments.append(text) }
    run(scripts.acquireLease, arguments) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok else { return answer(Self.strange(result)) }
      sweep(released: 0, batchesLeft: Self.maxBatches, answer)
    }
  }

  private func sweep(released: Int, batchesLeft: Int, _ answer: @escaping (Answer) -> Void) {
    var arguments = RedisArguments(Self.term)
    arguments.append(SweepRepository.linesPerBatch)
    run(scripts.sweep, arguments) { [self] result in
      guard case .success(let reply) = result, reply.verdict == .ok, batchesLeft > 0 else {
        return answer(Self.strange(result))
      }
      var tokens = reply.rest
      let sum = released + (tokens.nextInteger() ?? 0)
      guard let next = tokens.nextInstant(), next <= reply.time else {
        return answer(Answer(status: 200, body: "\(sum) released"))
      }
      sweep(released: sum, batchesLeft: batchesLeft - 1, answer)
    }
  }

  private func run<Verdict>(
    _ script: StoreScript<Verdict>, _ arguments: RedisArguments, _ completion: @escaping StoreCaller.Completion<Verdict>
  ) {
    let end = NIODeadline.now() + Self.patience
    caller.run(
      StoreCall(script: script, arguments: arguments, effectBefore: end, deadline: end), completion: completion)
  }

  /// An answer that no model gives.
  private static func strange(_ result: Result<StoreReply<some StoreVerdict>, StoreFailure>) -> Answer {
    Answer(status: 0, body: "\(result)")
  }
}
