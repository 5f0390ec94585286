import Testing

@testable import Coordinator

@Suite(.timeLimit(.minutes(1))) struct ViewBroadcastTests {
  private let start = Moment.start.instant
  private let view = RegistryBench().registry.view(.init(), at: .start)

  @Test("nobody is shown anything while nobody looks on")
  func nobody() {
    var broadcast = ViewBroadcast(at: start)
    broadcast.noteNews()
    #expect(broadcast.nextShowing == nil && !broadcast.isDue(at: start + .seconds(60)))
  }

  @Test("news is shown soon, anything else once a second, and whoever joins sees the view at once")
  func pauses() async {
    var broadcast = ViewBroadcast(at: start)
    var views = broadcast.join(shown: view) { _ in }.makeAsyncIterator()
    #expect(await views.next() == view)
    #expect(broadcast.nextShowing == start + ViewBroadcast.maxPause)
    broadcast.noteNews()
    #expect(broadcast.nextShowing == start + ViewBroadcast.minPause)
    #expect(!broadcast.isDue(at: start + .milliseconds(249)) && broadcast.isDue(at: start + .milliseconds(250)))
    broadcast.show(view, at: start + .milliseconds(250))
    #expect(await views.next() == view)
    #expect(broadcast.nextShowing == start + .milliseconds(250) + ViewBroadcast.maxPause)
  }

  @Test("after the end whoever joins has one view, and no more")
  func end() async {
    var broadcast = ViewBroadcast(at: start)
    var early = broadcast.join(shown: view) { _ in }.makeAsyncIterator()
    broadcast.end()
    var late = broadcast.join(shown: view) { _ in }.makeAsyncIterator()
    #expect(await early.next() == view)
    #expect(await late.next() == view)
    #expect(await early.next() == nil)
    #expect(await late.next() == nil)
    #expect(broadcast.nextShowing == nil)
  }

  @Test("whoever has gone is looked after no more")
  func gone() async {
    let (numbers, told) = AsyncStream.makeStream(of: Int.self)
    var broadcast = ViewBroadcast(at: start)
    do { _ = broadcast.join(shown: view) { told.yield($0) } }
    for await number in numbers {
      broadcast.remove(number)
      break
    }
    #expect(broadcast.nextShowing == nil)
  }
}
