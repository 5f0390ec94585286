import TestSupport
import Testing

extension TestCluster {
  /// Sends a request with its key to `copies` nodes at the same moment. Then it sends it to any node until an answer is
  /// final, like a client whose connection broke. Returns all answers.
  func insist(_ request: TestRequest, key: String, copies: Int = .random(in: 2...3)) async throws -> [TestAnswer] {
    let keyed = request.key(key)
    var answers = await withTaskGroup(of: TestAnswer?.self) { group in
      for node in nodes.shuffled().prefix(copies) { group.addTask { try? await node.sendOnce(keyed) } }
      return await group.reduce(into: []) { answers, answer in answers += answer.map { [$0] } ?? [] }
    }
    try await eventually("a final answer for \(key)") {
      if answers.contains(where: \.isFinal) { return true }
      if let node = nodes.randomElement(), let answer = try? await node.sendOnce(keyed) { answers.append(answer) }
      return answers.contains(where: \.isFinal)
    }
    return answers
  }

  /// Checks the invariants in Redis again and again while `work` runs.
  func withInvariantsWatched<Output: Sendable>(
    _ work: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    let watch = Task { [self] in
      var looks = 0
      // At least once, even if the work is done quickly.
      repeat {
        let snapshot = try StoreSnapshot(of: masters)
        #expect(snapshot.violations == [])
        #expect(snapshot.doubledReferences == [])
        looks += 1
        try? await Task.sleep(for: .milliseconds(200))
      } while !Task.isCancelled
      return looks
    }
    let result = await Task { try await work() }.result
    watch.cancel()
    #expect(try await watch.value > 0)
    return try result.get()
  }
}

extension TestAnswer {
  var isSuccess: Bool { (200...299).contains(status) }
  /// Neither "try again" nor "outcome unknown".
  var isFinal: Bool { status < 500 }
}

/// Checks the answers to one key at several nodes. Every success is the same. Server errors are allowed only from nodes
/// that did not get enough processor time.
func expectAgreement(
  _ answers: [TestAnswer], _ allowed: Set<Int>, sourceLocation: SourceLocation = #_sourceLocation
) {
  let judged = answers.filter { !$0.isExcused }
  #expect(Set(judged.map(\.status)).isSubset(of: allowed), "\(answers)", sourceLocation: sourceLocation)
  let successes = answers.filter(\.isSuccess)
  #expect(Set(successes.map(\.status)).count <= 1, "\(answers)", sourceLocation: sourceLocation)
  #expect(Set(successes.map(\.body)).count <= 1, "\(answers)", sourceLocation: sourceLocation)
  // At most one success took effect. The others are replays of it.
  #expect(successes.filter { !$0.isReplay }.count <= 1, "\(answers)", sourceLocation: sourceLocation)
}
