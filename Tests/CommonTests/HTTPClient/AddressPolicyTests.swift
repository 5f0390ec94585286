import Foundation
import Testing

@testable import Common

@Suite struct AddressPolicyTests {
  private func allows(_ list: String, _ address: String) -> Bool? {
    guard let policy = AddressPolicy(list) else { return nil }
    var (v4, v6) = (sockaddr_in(), sockaddr_in6())
    if inet_pton(AF_INET, address, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      return withUnsafePointer(to: &v4) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { policy.allows($0) }
      }
    }
    guard inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 else { return nil }
    v6.sin6_family = sa_family_t(AF_INET6)
    return withUnsafePointer(to: &v6) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { policy.allows($0) } }
  }

  @Test(
    arguments: [
      ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "9.255.255.255", false),
      ("172.16.0.0/12", "172.31.255.255", true), ("172.16.0.0/12", "172.32.0.0", false),
      ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.6", false),
      ("192.168.1.6/31", "192.168.1.7", true), ("192.168.1.6/31", "192.168.1.8", false),
      ("10.0.0.0/8, 127.0.0.1", "127.0.0.1", true), ("10.0.0.0/8, 127.0.0.1", "127.0.0.2", false),
      ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false), ("0.0.0.0/0", "::1", false),
      ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("::/0", "::ffff:10.0.0.1", false),
      ("fc00::/7", "fdff::1", true), ("fc00::/7", "fe00::1", false), ("::1", "::1", true), ("::1", "::2", false),
      ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "::ffff:169.254.169.254", false),
      ("10.0.0.0/8", "::10.1.2.3", false), ("::ffff:10.0.0.0/104", "10.1.2.3", true),
    ])
  func `an address is allowed if it lies in one of the networks, to the bit`(
    networks: String, address: String, expected: Bool
  ) {
    #expect(allows(networks, address) == expected)
  }

  @Test(
    arguments: [
      "8.8.8.8", "169.254.169.254", "0.0.0.0", "::", "fe80::1", "172.15.255.255", "172.32.0.1", "192.167.255.255",
      "224.0.0.1", "255.255.255.255", "100.64.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::",
    ])
  func `by default public addresses, the clouds' for credentials, and the one of no host are forbidden`(
    address: String
  ) {
    #expect(allows(AddressPolicy.privateNetworks, address) == false)
  }

  @Test(arguments: ["127.0.0.1", "::1", "10.1.2.3", "fd00::7"])
  func `by default, private networks and the loopback are allowed`(address: String) {
    #expect(allows(AddressPolicy.privateNetworks, address) == true)
  }

  @Test(
    arguments: [
      "", ",", "10.0.0.0/8,", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0/8", "::1/129", "host",
      "10.0.0.0/+8", "10.0.0.0/8;11.0.0.0/8", "10.0.0.256", "10.0.0.0/ 8", "[::1]",
    ])
  func `what is no network is refused as a whole`(list: String) {
    #expect(AddressPolicy(list) == nil)
  }

  @Test func `an address that is not of the internet is not allowed`() {
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_UNIX)
    #expect(AddressPolicy("0.0.0.0/0,::/0")?.allows(&address) == false)
  }
}
