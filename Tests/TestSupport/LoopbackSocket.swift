import Foundation

/// Which process has which end of a connection on the loopback, as the kernel tells it.
enum LoopbackSocket {
  /// Whether one of these processes has the end that has port `own`, of a connection to port `other`.
  static func isHeld(by processes: Set<Int32>, from own: Int, to other: Int) -> Bool {
    guard let inode = inode(from: own, to: other) else { return false }
    return processes.contains { sockets(of: $0).contains("socket:[\(inode)]") }
  }

  /// Asked of the kernel by `sock_diag(7)`: its table in `/proc/net/tcp` takes 50 ms to read where many connections
  /// have been, and bytes wait meanwhile.
  private static func inode(from own: Int, to other: Int) -> UInt32? {
    let (netlink, inetDiagnosis): (Int32, Int32) = (16, 4)
    let descriptor = socket(netlink, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), inetDiagnosis)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let question = Self.question(from: own, to: other)
    var answer = [UInt8](repeating: 0, count: 1024)
    guard send(descriptor, question, question.count, 0) == question.count,
      // Here for certain: the kernel answers while it is asked.
      recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT)) >= inodeEnd,
      answer[4..<6].elementsEqual(bytes(of: socketDiagnosis))
    else { return nil }
    return answer[inodeEnd - 4..<inodeEnd].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// `SOCK_DIAG_BY_FAMILY`; an answer that is an error has another type.
  private static let socketDiagnosis: UInt16 = 20
  /// In an answer: behind its head of 16 bytes the inode is the last of 72.
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
