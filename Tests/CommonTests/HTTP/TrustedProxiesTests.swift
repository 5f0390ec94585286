import NIOCore
import Testing

@testable import Common

@Suite struct TrustedProxiesTests {
  private static let proxies = TrustedProxies(AddressPolicy("10.0.0.0/24,::1"))

  private static func client(_ peer: String, _ forwardedFor: String?, proxies: TrustedProxies = proxies) throws
    -> String
  {
    let peer = proxies.peer(try SocketAddress(ipAddress: peer, port: 1))
    return proxies.client(of: peer, forwardedFor: forwardedFor)
  }

  @Test func `what anybody but a trusted proxy says of whom it forwards is not believed`() throws {
    #expect(try Self.client("203.0.113.5", "198.51.100.7") == "203.0.113.5")
    #expect(try Self.client("10.0.1.1", "198.51.100.7") == "10.0.1.1")
    #expect(try Self.client("10.0.0.1", "198.51.100.7", proxies: TrustedProxies(nil)) == "10.0.0.1")
  }

  @Test(
    arguments: [
      (nil, "10.0.0.1"), ("198.51.100.7", "198.51.100.7"), ("2001:db8::7", "2001:db8::7"),
      // The client made up the left address.
      ("192.0.2.1, 198.51.100.7", "198.51.100.7"), ("192.0.2.1,198.51.100.7 ,\t10.0.0.2", "198.51.100.7"),
      ("10.0.0.3, 10.0.0.2", "10.0.0.3"), ("198.51.100.7, ::1", "198.51.100.7"),
      ("", "10.0.0.1"), ("unknown", "10.0.0.1"), ("198.51.100.7, x\" y", "10.0.0.1"),
      ("198.51.100.7:80, 10.0.0.2", "10.0.0.2"),
    ] as [(String?, String)])
  func `a trusted proxy's client is the last in its list that is no proxy itself`(
    forwardedFor: String?, expected: String
  ) throws {
    #expect(try Self.client("10.0.0.1", forwardedFor) == expected)
  }

  @Test func `a connection without an address of the internet has no known client`() throws {
    let peer = Self.proxies.peer(try SocketAddress(unixDomainSocketPath: "/x"))
    #expect(Self.proxies.client(of: peer, forwardedFor: "198.51.100.7") == "unknown")
    #expect(Self.proxies.peer(nil).address == "unknown")
  }
}
