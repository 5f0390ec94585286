import Foundation
import NIOCore

extension ByteBuffer {
  /// Read by Foundation.
  package func json() throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(readableBytesView)) as? [String: Any] ?? [:]
  }
}
