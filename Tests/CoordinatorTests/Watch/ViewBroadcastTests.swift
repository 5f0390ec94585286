import Testing

@testable import Coordinator

@Suite(.timeLimit(.minutes(1))) struct ViewBroadcastTests {
  private let start = Moment.start.instant
  private let view = RegistryBench().registry.view(.init(), at: .start)

  @Test func `nobody is shown anything while nobody looks on`() {
    var broadcast = ViewBroadcast(at: start)
    broadcast.noteNews()
    #expect(broadcast.nextShowing == nil && !broadcast.isDue(at: start + .seconds(60)))
  }

  @Test func `news is shown soon, anything else once a second, and whoever joins sees the view at once`() async {
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

  @Test func `after the end whoever joins has one view, and no more`() async {
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

  @Test func `whoever has gone is looked after no more`() async {
    let (numbers, told) = AsyncStream.makeStream(of: Int.self)
    var broadcast = ViewBroadcast(at: start)
    do { _ = broadcast.join(shown: view) { told.yield($0) } }
    for await number in numbers {
      broadcast.remove(number)
      break
    }
    #expect(broadcast.nextShowing == nil)
  }

  @Test func `when one goes, the others still look on`() async {
    let (numbers, told) = AsyncStream.makeStream(of: Int.self)
    var broadcast = ViewBroadcast(at: start)
    var staying = broadcast.join(shown: view) { told.yield($0) }.makeAsyncIterator()
    do { _ = broadcast.join(shown: view) { told.yield($0) } }
    for await number in numbers {
      broadcast.remove(number)
      break
    }
    #expect(broadcast.nextShowing == start + ViewBroadcast.maxPause)
    #expect(await staying.next() == view)
    var next = view
    next.failovers += 1
    broadcast.show(next, at: start + .seconds(1))
    #expect(await staying.next() == next)
  }

  @Test func `all are shown the view, and whoever reads slowly sees the newest only`() async {
    var broadcast = ViewBroadcast(at: start)
    let onlookers = (0..<3).map { _ in broadcast.join(shown: view) { _ in }.makeAsyncIterator() }
    var newest = view
    for second in 1...3 {
      newest.failovers = second
      broadcast.show(newest, at: start + .seconds(second))
    }
    broadcast.end()
    for var onlooker in onlookers {
      #expect(await onlooker.next() == newest)
      #expect(await onlooker.next() == nil)
    }
  }
}
