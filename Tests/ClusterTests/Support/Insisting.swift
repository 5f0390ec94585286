import TestSupport
import Testing

extension TestCluster {
  /// Sends a request with its key to so many nodes at the same moment, and then to any node until one has answered for
  /// good, as a client does whose connection broke. Returns all answers there were.
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

  /// Looks at Redis again and again while `work` goes on: the invariants hold at every instant.
  func withInvariantsWatched<Output: Sendable>(
    _ work: @escaping @Sendable () async throws -> Output
  ) async throws -> Output {
    let watch = Task { [redis] in
      var looks = 0
      // Once at least, however quickly the work is done.
      repeat {
        let snapshot = try StoreSnapshot(of: redis)
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
  /// Not "try again", nor "outcome unknown".
  var isFinal: Bool { status < 500 }
}

/// Judges the answers to one key at several nodes: none is a server error, but for those of nodes that were not let do
/// their work in time, and every success is the same.
func expectAgreement(
  _ answers: [TestAnswer], _ allowed: Set<Int>, sourceLocation: SourceLocation = #_sourceLocation
) {
  let judged = answers.filter { !$0.isExcused }
  #expect(Set(judged.map(\.status)).isSubset(of: allowed), "\(answers)", sourceLocation: sourceLocation)
  let successes = answers.filter(\.isSuccess)
  #expect(Set(successes.map(\.status)).count <= 1, "\(answers)", sourceLocation: sourceLocation)
  #expect(Set(successes.map(\.body)).count <= 1, "\(answers)", sourceLocation: sourceLocation)
  // One took effect; whatever else was told repeats it.
  #expect(successes.filter { !$0.isReplay }.count <= 1, "\(answers)", sourceLocation: sourceLocation)
}
