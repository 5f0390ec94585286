import Glibc
import NIOCore

extension ByteBuffer {
  /// Writes an instant (epoch milliseconds) in RFC 3339, UTC.
  package mutating func writeRFC3339(_ epochMilliseconds: Int64) {
    writeWithUnsafeMutableBytes(minimumWritableBytes: RFC3339.byteCount) { room in
      RFC3339.write(epochMilliseconds: epochMilliseconds, to: room)
      return RFC3339.byteCount
    }
  }
}

/// The time of day, for logs and `Date` headers only: deadlines are Redis's, and waiting is done on monotonic clocks.
package enum WallClock {
  package static func epochMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }
}
