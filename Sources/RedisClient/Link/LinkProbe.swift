import NIOCore

/// Asks the server of a link twice a second whether it is still one to be used: its time, which keeps what is known of
/// Redis's clock fresh, its role, and a write without effect. A link that has gone silent is noticed although nobody
/// uses it. Belongs to the event loop of its link.
package final class LinkProbe {
  private static let interval = TimeAmount.milliseconds(500)
  private static let limit = TimeAmount.seconds(1)

  private let link: any CommandSender
  private let questions: [(LinkQuestion, ByteBuffer)]
  private let measured: (TimeAmount) -> Void

  /// - Parameters:
  ///   - vacantKey: a key that never exists, for the write.
  ///   - checksRights: asks for what is useful alone, too. Enough on one link of a node.
  ///   - measured: called with each round trip.
  package init(
    link: any CommandSender, vacantKey: String, checksRights: Bool = false,
    measured: @escaping (TimeAmount) -> Void = { _ in }
  ) {
    self.link = link
    // The role before the write, so that a replica is called by its name.
    let questions: [LinkQuestion] = checksRights ? [.time, .role, .clients, .write] : [.time, .role, .write]
    self.questions = questions.map { question in
      var command = ByteBuffer()
      command.writeRedisCommand(question.arguments(vacantKey: vacantKey))
      return (question, command)
    }
    self.measured = measured
  }

  package func start() {
    let sent = link.eventLoop.now
    var answers: [LinkQuestion: RedisReply] = [:]
    // All in one write; the answers come in order.
    for (index, (question, command)) in questions.enumerated() {
      let isLast = index == questions.count - 1
      link.send(command, deadline: sent + Self.limit) { [self] result in
        guard case .success(let reply) = result else { return }
        answers[question] = reply
        if question == .time {
          if let time = reply.timeMilliseconds { link.observe(redisMilliseconds: time) }
          measured(link.eventLoop.now - sent)
        }
        if isLast, answers.count == questions.count { link.take(LinkFindings(answers)) }
      }
    }
    link.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in start() }
  }
}
