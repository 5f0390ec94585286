import Foundation
import NIOCore

extension ByteBuffer {
  /// The JSON object, parsed by Foundation.
  package func json() throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(readableBytesView)) as? [String: Any] ?? [:]
  }
}
