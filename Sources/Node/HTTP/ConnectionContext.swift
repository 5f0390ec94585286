import Common

/// What the connections of an event loop share. Belongs to that loop.
final class ConnectionContext {
  var validator: RequestValidator
  let tracker: ConnectionTracker
  let proxies: TrustedProxies
  var wrongTokens: WrongTokenGuard
  let dispatcher: Dispatcher
  var encoder: ResponseEncoder
  let log: RequestLog
  /// While set, every answer closes its connection.
  var isDraining = false
  private var lastRequest: UInt64 = 0
  private let requestIDPrefix = String(UInt32.random(in: .min ... .max), radix: 36) + "-"

  init(
    validator: RequestValidator, tracker: ConnectionTracker, proxies: TrustedProxies = TrustedProxies(nil),
    wrongTokens: WrongTokenGuard, dispatcher: Dispatcher, encoder: ResponseEncoder, log: RequestLog
  ) {
    (self.validator, self.tracker, self.proxies, self.wrongTokens) = (validator, tracker, proxies, wrongTokens)
    (self.dispatcher, self.encoder, self.log) = (dispatcher, encoder, log)
  }

  /// Names a request whose client has not named it.
  func nextRequestID() -> String {
    lastRequest += 1
    return requestIDPrefix + String(lastRequest, radix: 36)
  }
}
