import Common
import NIOConcurrencyHelpers

/// Who is logged in on the page. It is kept in memory only, so a restart of the coordinator logs everybody out.
final class Sessions: Sendable {
  static let lifetime = Duration.seconds(12 * 3600)
  static let maxCount = 64

  struct Session: Sendable {
    /// The cookie's value.
    let id: String
    let operatorName: String
    /// A form must carry it, so that no other site can send one.
    let formToken: String
    fileprivate let end: ContinuousClock.Instant
    /// Shown on the next page.
    fileprivate var notice: String?
  }

  private let sessions = NIOLockedValueBox<[String: Session]>([:])
  private let now: @Sendable () -> ContinuousClock.Instant

  init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  /// Begins a session. If there are too many, the one that would end first ends now.
  func begin(operatorName: String) -> Session {
    let session = Session(
      id: Self.random(), operatorName: operatorName, formToken: Self.random(), end: now() + Self.lifetime)
    sessions.withLockedValue { sessions in
      sessions = sessions.filter { $0.value.end > now() }
      if sessions.count >= Self.maxCount, let oldest = sessions.values.min(by: { $0.end < $1.end }) {
        sessions[oldest.id] = nil
      }
      sessions[session.id] = session
      assert(sessions.count <= Self.maxCount)
    }
    return session
  }

  func session(_ id: some StringProtocol) -> Session? {
    sessions.withLockedValue { $0[String(id)] }.flatMap { $0.end > now() ? $0 : nil }
  }

  func end(_ session: Session) {
    sessions.withLockedValue { $0[session.id] = nil }
  }

  /// Ends all sessions. With other tokens, everybody has to log in again.
  func endAll() { sessions.withLockedValue { $0 = [:] } }

  func leave(notice: String, for session: Session) {
    sessions.withLockedValue { $0[session.id]?.notice = notice }
  }

  func takeNotice(of session: Session) -> String? {
    sessions.withLockedValue { sessions in
      defer { sessions[session.id]?.notice = nil }
      return sessions[session.id]?.notice
    }
  }

  /// 128 bits that nobody can guess, in hexadecimal.
  private static func random() -> String {
    (0..<2).map { _ in
      let part = String(UInt64.random(in: .min ... .max), radix: 16)
      return String(repeating: "0", count: 16 - part.count) + part
    }.joined()
  }
}

extension Sessions.Session {
  /// Takes the same time however much of it is right, as with all tokens.
  func accepts(formToken presented: String) -> Bool { AccessTokens(token: formToken).name(for: presented) != nil }
}
