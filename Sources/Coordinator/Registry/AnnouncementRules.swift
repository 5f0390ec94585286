import Common

extension Announcement {
  private static let maxVersionBytes = 32

  /// Where the node serves.
  /// - Throws: for the first member that is not as it should be.
  func checkedURL() throws(AnnouncementRefusal) -> ServerURL {
    let name = SettingForm<String>.name
    guard name.parse(id) != nil else { throw .invalid("id: must be \(name.allowed)") }
    guard name.parse(bootId) != nil else { throw .invalid("bootId: must be \(name.allowed)") }
    guard Self.isVersion(version) else {
      throw .invalid("version: must be 1 to \(Self.maxVersionBytes) printable characters of ASCII")
    }
    guard HealthReport.State(rawValue: state) != nil else {
      let states = HealthReport.State.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalid("state: must be one of \(states)")
    }
    guard let url = ServerURL(url) else { throw .invalid("url: must be \(ServerURL.rule)") }
    return url
  }

  static func isVersion(_ text: String) -> Bool {
    (1...maxVersionBytes).contains(text.utf8.count) && text.utf8.allSatisfy(\.isVisibleASCII)
  }
}
