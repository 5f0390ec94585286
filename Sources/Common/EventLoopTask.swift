import NIOCore

/// Runs all steps of a task on one event loop.
///
/// Async code then shares what belongs to the loop with the callbacks there, and no thread is changed. Unlike an actor on
/// the loop's own executor, it leaves classes as they are, and an embedded loop will do.
private final class EventLoopTaskExecutor: TaskExecutor {
  private let eventLoop: any EventLoop

  init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

extension NIOLoopBound {
  /// Does async work with the value, all of it on the value's loop. It begins in a later turn of the loop, and works
  /// that are asked for in one turn begin in that order.
  @discardableResult
  package func task<Success: Sendable>(
    _ work: @escaping @Sendable (Value) async -> Success
  ) -> Task<Success, Never> {
    Task(executorPreference: EventLoopTaskExecutor(eventLoop)) { await work(value) }
  }
}

/// Waits for the outcome that `ask` tells its completion, which must be called exactly once.
package func outcome<Success: Sendable, Failure>(
  of ask: (@escaping (Result<Success, Failure>) -> Void) -> Void
) async throws(Failure) -> Success {
  try await withCheckedContinuation { continuation in
    ask { continuation.resume(returning: $0) }
  }.get()
}
