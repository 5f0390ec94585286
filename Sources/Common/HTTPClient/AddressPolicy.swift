import Glibc

/// Which addresses may be connected to, as networks in CIDR notation.
///
/// It judges the address of the connection itself, not a name that was looked up before: a moment later a name may lead
/// elsewhere (DNS rebinding).
package struct AddressPolicy: Equatable, Sendable {
  private struct Network: Equatable, Sendable {
    /// IPv4 addresses as IPv4-mapped IPv6 ones.
    var prefix: [UInt8]
    var bits: Int

    func contains(_ address: [UInt8]) -> Bool {
      assert(address.count == prefix.count && (0...prefix.count * 8).contains(bits))
      // "All of IPv6" does not mean all of IPv4 too.
      guard bits >= AddressPolicy.mappedBits || !address.starts(with: AddressPolicy.mappedPrefix) else { return false }
      let (whole, rest) = (bits / 8, bits % 8)
      guard prefix[..<whole] == address[..<whole] else { return false }
      guard rest > 0 else { return true }
      let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
      return prefix[whole] & mask == address[whole] & mask
    }
  }

  /// Loopback and the private networks (RFC 1918, RFC 4193). Link-local ones are left out, since clouds serve
  /// credentials there.
  package static let privateNetworks = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"

  private let networks: [Network]

  /// - Parameter list: networks such as `10.0.0.0/8`, or single addresses, parted by commas; nil if one is neither.
  package init?(_ list: String) {
    var networks: [Network] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      guard let network = Self.network(part.drop { $0 == " " }) else { return nil }
      networks.append(network)
    }
    self.networks = networks
  }

  private static func network(_ text: Substring) -> Network? {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = bytes(of: String(parts[0])) else { return nil }
    let isIPv4 = !parts[0].contains(":")
    let maxBits = isIPv4 ? 32 : 128
    guard parts.count == 2 else { return Network(prefix: address, bits: 128) }
    guard let bits = Int(parts[1]), (0...maxBits).contains(bits), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    return Network(prefix: address, bits: bits + 128 - maxBits)
  }

  private static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
  private static let mappedBits = 96

  /// The 16 bytes of an address in its usual notation; nil if it is none.
  private static func bytes(of text: String) -> [UInt8]? {
    var (v4, v6) = (in_addr(), in6_addr())
    if inet_pton(AF_INET, text, &v4) == 1 { return mappedPrefix + withUnsafeBytes(of: v4) { Array($0) } }
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }

  /// Whether a connection to this socket address is allowed; false for what is not of the internet.
  func allows(_ address: UnsafePointer<sockaddr>) -> Bool {
    guard let bytes = Self.bytes(of: address) else { return false }
    return networks.contains { $0.contains(bytes) }
  }

  /// Whether this address, in its usual notation, lies in one of the networks; false for what is no address.
  package func allows(_ address: String) -> Bool {
    guard let bytes = Self.bytes(of: address) else { return false }
    return networks.contains { $0.contains(bytes) }
  }

  package static func isAddress(_ text: String) -> Bool { bytes(of: text) != nil }

  private static func bytes(of address: UnsafePointer<sockaddr>) -> [UInt8]? {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { v4 in
        mappedPrefix + withUnsafeBytes(of: v4.pointee.sin_addr) { Array($0) }
      }
    case AF_INET6:
      address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { v6 in
        withUnsafeBytes(of: v6.pointee.sin6_addr) { Array($0) }
      }
    default: nil
    }
  }
}

extension SettingForm<AddressPolicy> {
  package static var networks: Self {
    Self("networks like 10.0.0.0/8 or addresses, parted by commas") { AddressPolicy($0) }
  }
}
