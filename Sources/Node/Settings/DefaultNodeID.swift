import Common
import Glibc

/// The name of a node that was given none.
///
/// It is made of the host's name and the port. So a node that is started again is the node it was. With a new name each
/// time, every process that was killed would be watched as DOWN for ever.
struct DefaultNodeID {
  static let shownAs = "host name and port"
  private static let maxHostBytes = 48
  /// What machines are called that nobody has named.
  private static let nobodysNames: Set<String> = ["", "localhost", "localhost.localdomain", "none"]

  let hostName: String
  /// Of the installation, as systemd keeps it; containers mostly have none.
  let machineID: String?
  /// 32 bits of chance.
  let chance: UInt32

  /// Of this machine.
  init() {
    var name = [CChar](repeating: 0, count: 256)
    let isKnown = gethostname(&name, name.count - 1) == 0
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    self.init(
      hostName: isKnown ? String(decoding: bytes, as: UTF8.self) : "",
      machineID: (try? FileContents.read("/etc/machine-id")).map { String(decoding: $0, as: UTF8.self) },
      chance: .random(in: .min ... .max))
  }

  init(hostName: String, machineID: String?, chance: UInt32) {
    (self.hostName, self.machineID, self.chance) = (hostName, machineID, chance)
  }

  /// - Parameter port: as it is set. With 0 the node takes any free one; then chance alone tells several on one host
  ///   apart.
  func name(port: Int) -> String { "\(host)-\(port == 0 ? Self.hexadecimal(chance) : "\(port)")" }

  private var host: String {
    let plain = Self.plain(hostName)
    guard Self.nobodysNames.contains(plain) else { return plain }
    // Two machines that are both called localhost must not take each other for themselves.
    guard let machineID, machineID.contains(where: { $0.isLetter || $0.isNumber }) else {
      return "node-\(Self.hexadecimal(chance))"
    }
    return "node-\(Self.digest(machineID))"
  }

  /// The name without what a node's name must not have. One that is too long ends in a digest that tells it from
  /// others.
  private static func plain(_ name: String) -> String {
    let bytes = name.lowercased().utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): byte
      default: UInt8(ascii: "-")
      }
    }
    let isEdge: (UInt8) -> Bool = { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    let inner = bytes.drop(while: isEdge).reversed().drop(while: isEdge).reversed()
    let plain = String(decoding: Array(inner), as: UTF8.self)
    guard plain.utf8.count > maxHostBytes else { return plain }
    return "\(plain.prefix(maxHostBytes - 9))-\(digest(name))"
  }

  /// FNV-1a: tells names apart, and has nothing to keep secret.
  private static func digest(_ text: String) -> String {
    hexadecimal(text.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 })
  }

  private static func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
