import Foundation

/// Asks the kernel which process holds which end of a connection on the loopback.
enum LoopbackSocket {
  /// Whether one of these processes holds the end with port `own` of a connection to port `other`.
  static func isHeld(by processes: Set<Int32>, from own: Int, to other: Int) -> Bool {
    guard let inode = inode(from: own, to: other) else { return false }
    return processes.contains { sockets(of: $0).contains("socket:[\(inode)]") }
  }

  /// Asks by `sock_diag(7)`. Reading `/proc/net/tcp` takes 50 ms where many connections have been, and bytes would wait
  /// for that long.
  private static func inode(from own: Int, to other: Int) -> UInt32? {
    let (netlink, inetDiagnosis): (Int32, Int32) = (16, 4)
    let descriptor = socket(netlink, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), inetDiagnosis)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let question = Self.question(from: own, to: other)
    var answer = [UInt8](repeating: 0, count: 1024)
    guard send(descriptor, question, question.count, 0) == question.count,
      // The answer is already here: the kernel answers within the call that asks.
      recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT)) >= inodeEnd,
      answer[4..<6].elementsEqual(bytes(of: socketDiagnosis))
    else { return nil }
    return answer[inodeEnd - 4..<inodeEnd].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// `SOCK_DIAG_BY_FAMILY`. An error has another type.
  private static let socketDiagnosis: UInt16 = 20
  /// Where the inode ends in an answer: after a head of 16 bytes come 72 bytes, and the inode is the last of them.
  private static let inodeEnd = 16 + 72

  /// A `nlmsghdr`, and an `inet_diag_req_v2` for a TCP connection of IPv4 in any state.
  private static func question(from own: Int, to other: Int) -> [UInt8] {
    let (internet, tcp, request): (UInt8, UInt8, UInt16) = (2, 6, 1)
    let ports = [own, other].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    let loopback: [UInt8] = [127, 0, 0, 1] + Array(repeating: 0, count: 12)
    let anything = Array(repeating: UInt8.max, count: 8)
    let body =
      [internet, tcp, 0, 0] + bytes(of: UInt32.max) + ports + loopback + loopback + bytes(of: UInt32(0)) + anything
    let head =
      bytes(of: UInt32(16 + body.count)) + bytes(of: socketDiagnosis) + bytes(of: request) + bytes(of: UInt32(1))
      + bytes(of: UInt32(0))
    return head + body
  }

  private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  private static func sockets(of process: Int32) -> Set<String> {
    let folder = "/proc/\(process)/fd"
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(descriptors.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)") })
  }
}
