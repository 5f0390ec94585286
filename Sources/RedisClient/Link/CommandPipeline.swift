import DequeModule
import NIOCore

/// The commands of a link: those that wait for a connection, and those sent on it whose replies are due, in order.
///
/// Knows nothing of connections, and has no clock: time is passed in.
struct CommandPipeline {
  struct Command {
    var bytes: ByteBuffer
    var deadline: NIODeadline
    /// Its success is told only when the replicas have what it has written.
    var awaitsReplicas = false
    /// Nil once the caller has been answered: the place in the pipeline stays.
    var completion: RedisLink.Completion?
  }

  /// Time between two looks at the deadlines.
  static let tickInterval = TimeAmount.milliseconds(20)
  /// A longer gap between them means that the loop stood still. A loop that is merely busy polls its sockets all the while.
  static let standstill = TimeAmount.milliseconds(250)

  /// A command that Redis has run, and whose effect may not be on the replicas yet.
  struct Held {
    let reply: RedisReply
    let deadline: NIODeadline
    let completion: RedisLink.Completion
  }

  private var waiting = Deque<Command>()
  private var unanswered = Deque<Command>()
  private var held: [Held] = []
  private var outgoing = ByteBuffer()
  /// Whether something of what leaves in the next write awaits the replicas.
  private(set) var outgoingAwaitsReplicas = false
  /// When a reply last came, or first became due.
  private var lastHeard = NIODeadline.uptimeNanoseconds(0)
  /// When the loop last came round. Silence is judged by it: while the loop stands still, no reply can be heard.
  private var lastTick: NIODeadline

  init(at now: NIODeadline) { lastTick = now }

  var count: Int { waiting.count + unanswered.count + held.count }
  var owesReplies: Bool { !unanswered.isEmpty }

  /// Since when replies are due and none has come, if that is so long ago.
  func silent(for limit: TimeAmount) -> NIODeadline? {
    owesReplies && lastTick - lastHeard >= limit ? lastHeard : nil
  }

  /// From when on the other side has owed replies without a word; `now` if it owes none.
  func heard(at now: NIODeadline) -> NIODeadline { owesReplies ? lastHeard(at: now) : now }

  /// A loop that stood still has heard nothing, and sent nothing: that time is no silence of the other side.
  private func lastHeard(at now: NIODeadline) -> NIODeadline {
    let gap = now - lastTick
    return gap > Self.standstill ? min(lastHeard + gap, now) : lastHeard
  }

  // MARK: - Commands

  /// Has it wait for a connection.
  mutating func wait(_ command: Command) { waiting.append(command) }

  /// Puts it with what leaves in the next write.
  mutating func send(_ command: Command, at now: NIODeadline) {
    var command = command
    outgoing.writeImmutableBuffer(command.bytes)
    command.bytes = ByteBuffer()
    if command.awaitsReplicas { outgoingAwaitsReplicas = true }
    // Silence is counted from when a reply first became due.
    if unanswered.isEmpty { lastHeard = now }
    unanswered.append(command)
  }

  /// What is to be written now; nil: nothing.
  mutating func takeOutgoing(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
    guard outgoing.readableBytes > 0 else { return nil }
    defer {
      outgoing = allocator.buffer(capacity: 4096)
      outgoingAwaitsReplicas = false
    }
    return outgoing
  }

  /// A reply has come.
  /// - Returns: the command that it answers; nil: nobody asked.
  mutating func answered(at now: NIODeadline) -> Command? {
    lastHeard = now
    return unanswered.popFirst()
  }

  /// Keeps the reply of a command back until the replicas have what it has written.
  mutating func hold(_ command: Command, _ reply: RedisReply) {
    guard let completion = command.completion else { return }
    held.append(Held(reply: reply, deadline: command.deadline, completion: completion))
  }

  /// What was held is on the replicas, or will not be in time.
  mutating func takeHeld() -> [Held] {
    defer { held.removeAll() }
    return held
  }

  // MARK: - Ends

  /// Empties the queue before anybody is told: a caller may well send again at once.
  mutating func takeWaiting() -> Deque<Command> {
    defer { waiting.removeAll() }
    return waiting
  }

  /// The connection is gone: who is still to hear of what was sent on it, or was to be.
  mutating func takeUnanswered() -> [RedisLink.Completion] {
    defer {
      unanswered.removeAll()
      held.removeAll()
    }
    outgoing.clear()
    outgoingAwaitsReplicas = false
    return held.map(\.completion) + unanswered.compactMap(\.completion)
  }

  /// The loop has come round.
  /// - Returns: the callers whose deadlines have passed: of commands never sent, and of those whose outcome is unknown.
  mutating func tick(at now: NIODeadline) -> (unsent: [RedisLink.Completion], unknown: [RedisLink.Completion]) {
    lastHeard = lastHeard(at: now)
    lastTick = now
    var unsent: [RedisLink.Completion] = []
    while let index = waiting.firstIndex(where: { $0.deadline <= now }) {
      if let completion = waiting.remove(at: index).completion { unsent.append(completion) }
    }
    var unknown: [RedisLink.Completion] = []
    for index in unanswered.indices where unanswered[index].deadline <= now {
      guard let completion = unanswered[index].completion else { continue }
      unanswered[index].completion = nil
      unknown.append(completion)
    }
    unknown += held.filter { $0.deadline <= now }.map(\.completion)
    held.removeAll { $0.deadline <= now }
    return (unsent, unknown)
  }
}
