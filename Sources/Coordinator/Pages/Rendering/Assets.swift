import Foundation
import NIOCore

/// Files that pages refer to, each under a name that changes with its content, so that browsers may keep it for ever.
struct Assets: Sendable {
  struct Asset: Sendable {
    let type: String
    let body: ByteBuffer
    let etag: String
  }

  let byName: [String: Asset]
  /// Changes with everything that pages are made of.
  let version: String
  /// They lie below it, as does all else that pages refer to.
  let base: BasePath

  init(base: BasePath = .root) {
    self.base = base
    let files: [(name: String, type: String, bytes: [UInt8])] = [
      ("page.css", "text/css; charset=utf-8", PackageResources.page_css),
      ("page.js", "text/javascript; charset=utf-8", PackageResources.page_js),
      ("ok.svg", "image/svg+xml", PackageResources.ok_svg),
      ("warning.svg", "image/svg+xml", PackageResources.warning_svg),
      ("critical.svg", "image/svg+xml", PackageResources.critical_svg),
      ("checking.svg", "image/svg+xml", PackageResources.checking_svg),
    ]
    byName = Dictionary(
      uniqueKeysWithValues: files.map { name, type, bytes in
        (name, Asset(type: type, body: ByteBuffer(bytes: bytes), etag: Self.digest(bytes)))
      })
    let templates = PageTemplates.sources.sorted { $0.key < $1.key }.flatMap(\.value)
    version = Self.digest(files.flatMap(\.bytes) + templates)
  }

  func path(_ name: String) -> String { base.address("/assets/\(name)?v=\(byName[name]?.etag ?? "")") }

  /// FNV-1a. It only tells versions apart, so it need not be secure.
  static func digest(_ bytes: some Sequence<UInt8>) -> String {
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    return String(hash, radix: 36)
  }
}
