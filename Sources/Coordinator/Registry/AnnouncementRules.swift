import Common

extension Announcement {
  private static let mostVersion = 32

  /// Where the node serves, if all members are as they should be.
  func checkedURL() throws(AnnouncementRefusal) -> ServerURL {
    let name = SettingForm<String>.name
    guard name.parse(id) != nil else { throw .invalid("id: must be \(name.allowed)") }
    guard name.parse(bootId) != nil else { throw .invalid("bootId: must be \(name.allowed)") }
    guard (1...Self.mostVersion).contains(version.utf8.count), version.utf8.allSatisfy(Self.isPrintable) else {
      throw .invalid("version: must be 1 to \(Self.mostVersion) printable characters of ASCII")
    }
    guard HealthReport.State(rawValue: state) != nil else {
      let states = HealthReport.State.allCases.map(\.rawValue).joined(separator: ", ")
      throw .invalid("state: must be one of \(states)")
    }
    guard let url = ServerURL(url) else { throw .invalid("url: must be \(ServerURL.rule)") }
    return url
  }

  private static func isPrintable(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }
}
