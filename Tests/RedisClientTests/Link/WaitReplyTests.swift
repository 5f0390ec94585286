import Testing

@testable import RedisClient

@Suite struct WaitReplyTests {
  @Test(
    arguments: [
      (.integer(0), false, nil), (.integer(1), false, nil), (.integer(2), true, nil), (.integer(3), true, nil),
      (.error("UNBLOCKED no"), false, "UNBLOCKED no"), (.null, false, "WAIT was answered with null"),
    ] as [(RedisReply, Bool, String?)])
  func `only a number that is large enough is an acknowledgement`(
    reply: RedisReply, isDone: Bool, objection: String?
  ) {
    let answer = WaitReply(reply, wanted: 2)
    #expect(answer.isDone == isDone && answer.objection == objection)
  }
}
