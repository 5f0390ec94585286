extension String {
  /// At most so many bytes of it, then an ellipsis. Texts of others must not fill our memory and pages.
  package func clipped(to maxBytes: Int) -> String {
    assert(maxBytes > 0)
    // In bytes, since a single character can have any number of them.
    return utf8.count <= maxBytes ? self : String(decoding: utf8.prefix(maxBytes), as: UTF8.self) + "…"
  }
}
