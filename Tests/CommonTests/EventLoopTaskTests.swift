import Common
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@Suite struct EventLoopTaskTests {
  private struct Refusal: Error, Equatable {}

  @Test func `every step runs on the loop of the value, whichever thread resumes it`() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let (loop, other) = (group.next(), group.next())
    let bound = try await loop.submit { NIOLoopBound(1, eventLoop: loop) }.get()
    let onLoop = await bound.task { _ in
      var onLoop = [loop.inEventLoop]
      for resumer in [loop, other, other] {
        await withCheckedContinuation { continuation in resumer.execute { continuation.resume() } }
        onLoop.append(loop.inEventLoop)
        onLoop.append(await Self.isCalled(on: loop))
      }
      return onLoop
    }.value
    #expect(onLoop == Array(repeating: true, count: 7))
    try await group.shutdownGracefully()
  }

  private static func isCalled(on loop: any EventLoop) async -> Bool { loop.inEventLoop }

  @Test func `works begin in the loop's next turn, in their order, and go on as soon as they are told`() {
    let loop = EmbeddedEventLoop()
    let seen = NIOLoopBoundBox([String](), eventLoop: loop)
    let waiting = NIOLoopBoundBox([(Result<Int, Never>) -> Void](), eventLoop: loop)
    for name in ["a", "b"] {
      NIOLoopBound(waiting, eventLoop: loop).task { waiting in
        seen.value.append(name)
        let number = await outcome { waiting.value.append($0) }
        seen.value.append("\(name)\(number)")
      }
    }
    #expect(seen.value == [])
    loop.run()
    #expect(seen.value == ["a", "b"])
    for (number, tell) in waiting.value.enumerated().reversed() { tell(.success(number)) }
    loop.run()
    #expect(seen.value == ["a", "b", "b1", "a0"])
  }

  @Test func `an outcome that is told at once, or is a failure, is that of the wait`() async {
    #expect(await outcome { (tell: (Result<Int, Never>) -> Void) in tell(.success(7)) } == 7)
    await #expect(throws: Refusal()) {
      try await outcome { (tell: (Result<Int, Refusal>) -> Void) in tell(.failure(Refusal())) }
    }
  }
}
