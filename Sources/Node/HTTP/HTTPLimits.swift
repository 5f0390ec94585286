/// The bounds of a request as such (`openapi.yaml`). Those of what it may ask for are ``Limits``.
enum HTTPLimits {
  static let requestIDBytes = 128
  static let bodyBytes = 64 << 10
  static let headBytes = 16 << 10
  /// What a load balancer may add to a head, which is not held against the client.
  static let proxyHeadBytes = 512
}
