import Dispatch
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import RedisClient

@Suite struct NameLookupTests {
  /// A resolver that answers when the test says so.
  private final class Slow: Sendable {
    typealias Answer = Result<[SocketAddress], NameLookup.Failure>
    let asked = NIOLockedValueBox(0)
    private let answer = NIOLockedValueBox(Answer.success([]))
    private let isAnswered = DispatchSemaphore(value: 0)

    func ask(_ host: String, _ port: Int) -> Answer {
      asked.withLockedValue { $0 += 1 }
      // The test does not release an unexpected question, so the wait has a limit.
      guard isAnswered.wait(timeout: .now() + 30) == .success else { return .failure(.init(code: EAI_FAIL)) }
      return answer.withLockedValue { $0 }
    }

    func say(_ told: Answer) {
      answer.withLockedValue { $0 = told }
      isAnswered.signal()
    }
  }

  @Test func `one question is asked at a time, and the last failure is remembered`() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let slow = Slow()
    let lookup = NameLookup(eventLoop: loop, ask: slow.ask)
    let state = { try await loop.submit { lookup.state }.get() }
    #expect(try await state() == .answered)
    for failure in [NameLookup.Failure(code: EAI_NONAME), .init(code: EAI_AGAIN)] {
      let before = slow.asked.withLockedValue { $0 }
      let (four, six) = try await loop.submit {
        (lookup.initiateAQuery(host: "h", port: 1), lookup.initiateAAAAQuery(host: "h", port: 1))
      }.get()
      try await eventually("it is asked") { slow.asked.withLockedValue { $0 } == before + 1 }
      #expect(try await state() == (before == 0 ? .unanswered : .failing(.init(code: EAI_NONAME))))
      slow.say(.failure(failure))
      await #expect(throws: failure) { try await four.get() }
      await #expect(throws: failure) { try await six.get() }
      #expect(try await state() == .answered)
    }
    #expect(slow.asked.withLockedValue { $0 } == 2)
  }

  @Test func `an answer that comes after its attempt is there for the next one`() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let slow = Slow()
    let lookup = NameLookup(eventLoop: loop, answerAge: .hours(1), ask: slow.ask)
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
    let first = try await loop.submit { lookup.initiateAQuery(host: "h", port: 1) }.get()
    try await loop.submit { lookup.cancelQueries() }.get()
    slow.say(.success([address]))
    _ = try await first.get()
    let next = try await loop.flatSubmit { lookup.initiateAQuery(host: "h", port: 1) }.get()
    #expect(next == [address] && slow.asked.withLockedValue { $0 } == 1)
  }

  @Test func `addresses are the system's`() async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let lookup = NameLookup(eventLoop: loop)
    let four = try await loop.flatSubmit { lookup.initiateAQuery(host: "127.0.0.1", port: 7) }.get()
    let six = try await loop.flatSubmit { lookup.initiateAAAAQuery(host: "::1", port: 7) }.get()
    #expect(four.map(\.ipAddress) == ["127.0.0.1"] && four.map(\.port) == [7] && six.map(\.ipAddress) == ["::1"])
  }
}
