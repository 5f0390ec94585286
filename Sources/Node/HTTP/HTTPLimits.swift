/// The bounds of a request as such (`openapi.yaml`). Those of what it may ask for are ``Limits``.
enum HTTPLimits {
  static let maxRequestIDBytes = 128
  static let maxBodyBytes = 64 << 10
  static let maxHeadBytes = 16 << 10
  /// What a load balancer may add to a head. It is not held against the client.
  static let maxProxyHeadBytes = 512
  static let maxIdempotencyKeyBytes = 255
  /// Of the reason why stock is adjusted.
  static let maxReasonCharacters = 256
  /// Of a page of the list of SKUs.
  static let maxPageItems = 1000
  static let defaultPageItems = 100
}
