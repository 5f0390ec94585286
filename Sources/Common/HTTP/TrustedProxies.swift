import NIOCore

/// Tells whose request it is: that of the connection's other end or, if that is a load balancer of ours, of the client
/// that it names. Anybody can send `X-Forwarded-For`, so nobody else is believed.
package struct TrustedProxies: Equatable, Sendable {
  /// The other end of a connection.
  package struct Peer: Sendable {
    package static let unknown = Peer(address: "unknown", isProxy: false)

    package let address: String
    package let isProxy: Bool
  }

  private let networks: AddressPolicy?

  /// - Parameter networks: where the proxies are; nil for none.
  package init(_ networks: AddressPolicy?) { self.networks = networks }

  package func peer(_ address: SocketAddress?) -> Peer {
    guard let text = address?.ipAddress else { return .unknown }
    return Peer(address: text, isProxy: isProxy(text))
  }

  /// The client's address. Each proxy adds at the end the address that asked it. So the client is the rightmost address
  /// that is no proxy. What stands left of it, anybody may have written.
  package func client(of peer: Peer, forwardedFor: String?) -> String {
    guard peer.isProxy, let forwardedFor else { return peer.address }
    var client = peer.address
    for entry in forwardedFor.split(separator: ",").reversed() {
      let address = entry.filter { $0 != " " && $0 != "\t" }
      guard AddressPolicy.isAddress(address) else { break }
      client = address
      guard isProxy(address) else { break }
    }
    return client
  }

  private func isProxy(_ address: String) -> Bool { networks?.allows(address) ?? false }
}
