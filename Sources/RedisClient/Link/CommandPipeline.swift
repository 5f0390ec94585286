import DequeModule
import NIOCore

/// The commands of a link: those that wait for a connection, and those that were sent and have no reply yet, in order.
///
/// It knows nothing about connections. It has no clock: callers pass the time in.
struct CommandPipeline {
  struct Command {
    var bytes: ByteBuffer
    var deadline: NIODeadline
    /// Its success is reported only when the replicas have its write.
    var awaitsReplicas = false
    /// Nil once the caller has been answered. The command keeps its place in the pipeline.
    var completion: RedisLink.Completion?
  }

  /// Time between two checks of the deadlines.
  static let tickInterval = TimeAmount.milliseconds(20)
  /// A longer gap between two checks means that the loop stood still. A loop that is only busy still polls its sockets.
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
  /// Whether a command in the next write waits for the replicas.
  private(set) var outgoingAwaitsReplicas = false
  /// When the last reply came, or when the first one became due.
  private var lastHeard = NIODeadline.uptimeNanoseconds(0)
  /// When the loop last ran ``tick(at:)``. Silence is measured up to it: a loop that stands still hears no reply.
  private var lastTick: NIODeadline

  init(at now: NIODeadline) { lastTick = now }

  var count: Int { waiting.count + unanswered.count + held.count }
  var owesReplies: Bool { !unanswered.isEmpty }

  /// Since when replies are due and none has come. Nil if that is shorter than `limit`.
  func silent(for limit: TimeAmount) -> NIODeadline? {
    owesReplies && lastTick - lastHeard >= limit ? lastHeard : nil
  }

  /// Since when the server owes replies and has sent none. `now` if it owes none.
  func heard(at now: NIODeadline) -> NIODeadline { owesReplies ? lastHeard(at: now) : now }

  /// While the loop stood still, it could hear nothing. That time does not count as silence of the server.
  private func lastHeard(at now: NIODeadline) -> NIODeadline {
    let gap = now - lastTick
    return gap > Self.standstill ? min(lastHeard + gap, now) : lastHeard
  }

  // MARK: - Commands

  /// Queues a command until there is a connection.
  mutating func wait(_ command: Command) { waiting.append(command) }

  /// Adds a command to the next write.
  mutating func send(_ command: Command, at now: NIODeadline) {
    var command = command
    outgoing.writeImmutableBuffer(command.bytes)
    command.bytes = ByteBuffer()
    if command.awaitsReplicas { outgoingAwaitsReplicas = true }
    // Silence is counted from when a reply first became due.
    if unanswered.isEmpty { lastHeard = now }
    unanswered.append(command)
  }

  /// The bytes to write now. Nil if there are none.
  mutating func takeOutgoing(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
    guard outgoing.readableBytes > 0 else { return nil }
    defer {
      outgoing = allocator.buffer(capacity: 4096)
      outgoingAwaitsReplicas = false
    }
    return outgoing
  }

  /// A reply has come.
  /// - Returns: the command that it answers. Nil if no reply was due.
  mutating func answered(at now: NIODeadline) -> Command? {
    lastHeard = now
    return unanswered.popFirst()
  }

  /// Holds back the reply of a command until the replicas have its write.
  mutating func hold(_ command: Command, _ reply: RedisReply) {
    guard let completion = command.completion else { return }
    held.append(Held(reply: reply, deadline: command.deadline, completion: completion))
  }

  /// Takes the held commands. Their writes are on the replicas, or will not be there in time.
  mutating func takeHeld() -> [Held] {
    defer { held.removeAll() }
    return held
  }

  // MARK: - Ends

  /// Empties the queue before any caller is told, because a caller may send again at once.
  mutating func takeWaiting() -> Deque<Command> {
    defer { waiting.removeAll() }
    return waiting
  }

  /// The connection is gone. Takes the callers of all commands that were sent on it or were about to be.
  mutating func takeUnanswered() -> [RedisLink.Completion] {
    defer {
      unanswered.removeAll()
      held.removeAll()
    }
    outgoing.clear()
    outgoingAwaitsReplicas = false
    return held.map(\.completion) + unanswered.compactMap(\.completion)
  }

  /// Notes that the loop runs, and checks the deadlines.
  /// - Returns: the callers whose deadlines have passed: of commands never sent, and of commands with unknown outcome.
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
