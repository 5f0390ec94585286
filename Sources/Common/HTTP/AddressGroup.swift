import Glibc

/// The addresses that one client has: one IPv4 address, or a whole IPv6 network of 64 bits. An IPv6 client can choose
/// any address of such a network.
package struct AddressGroup: Hashable, Sendable, CustomStringConvertible {
  private enum Kind: Hashable {
    case v4(UInt32)
    /// The first 64 bits.
    case v6(UInt64)
    case other
  }

  private let kind: Kind

  /// - Parameter address: without port and brackets. All texts that are no addresses are in one group.
  package init(_ address: some StringProtocol) {
    let text = String(address.prefix { $0 != "%" })
    var (v4, v6) = (in_addr(), in6_addr())
    if inet_pton(AF_INET, text, &v4) == 1 {
      kind = .v4(UInt32(bigEndian: v4.s_addr))
    } else if inet_pton(AF_INET6, text, &v6) == 1 {
      let bytes = withUnsafeBytes(of: &v6) { Array($0) }
      // ::ffff:10.0.0.1 is an IPv4 address.
      let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
      kind =
        isMapped
        ? .v4(bytes[12...].reduce(0) { $0 << 8 | UInt32($1) }) : .v6(bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) })
    } else {
      kind = .other
    }
  }

  package var description: String {
    switch kind {
    case .v4(let bits):
      return stride(from: 24, through: 0, by: -8).map { String(bits >> UInt32($0) & 0xFF) }.joined(separator: ".")
    case .v6(let bits):
      let parts = stride(from: 48, through: 0, by: -16).map { String(bits >> UInt64($0) & 0xFFFF, radix: 16) }
      return parts.joined(separator: ":") + "::/64"
    case .other: return "unknown"
    }
  }
}
