extension String {
  /// At most so many characters of it: texts of others must not fill our memory and pages.
  package func clipped(to most: Int) -> String {
    // Of bytes, since a single character can be made of any number of them.
    utf8.count <= most ? self : String(decoding: utf8.prefix(most), as: UTF8.self) + "…"
  }
}
