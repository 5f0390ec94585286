import NIOCore

/// Checks twice a second whether the server of a link may still be used. It asks for the time (which keeps
/// ``RedisClock`` fresh), for the role, and for a write without effect. So a silent link is noticed even if nobody uses
/// it. Belongs to the event loop of its link.
package final class LinkProbe {
  private static let interval = TimeAmount.milliseconds(500)
  private static let limit = TimeAmount.seconds(1)

  private let link: any CommandSender
  private let questions: [(LinkQuestion, ByteBuffer)]
  private let measured: (TimeAmount) -> Void
  private var timer: Scheduled<Void>?

  /// - Parameters:
  ///   - vacantKey: a key that never exists, for the write.
  ///   - checksRights: also checks rights that are useful but not required. One link of a node is enough for that.
  ///   - measured: called with each round trip.
  package init(
    link: any CommandSender, vacantKey: String, checksRights: Bool = false,
    measured: @escaping (TimeAmount) -> Void = { _ in }
  ) {
    self.link = link
    // The role comes before the write, so that the message names a replica as one.
    let questions: [LinkQuestion] = checksRights ? [.time, .role, .clients, .write] : [.time, .role, .write]
    self.questions = questions.map { question in
      var command = ByteBuffer()
      command.writeRedisCommand(question.arguments(vacantKey: vacantKey))
      return (question, command)
    }
    self.measured = measured
  }

  package func start() {
    precondition(timer == nil, "a second start would double the questions")
    ask()
  }

  /// Asks no more.
  package func stop() { timer?.cancel() }

  private func ask() {
    let sent = link.eventLoop.now
    var answers: [LinkQuestion: RedisReply] = [:]
    // All leave in one write, and the answers come in order.
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
    timer = link.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in ask() }
  }
}
