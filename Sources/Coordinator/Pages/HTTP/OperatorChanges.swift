import Foundation

/// Something an operator may ask of a node. The page has the addresses in its forms.
enum NodeChange: String, CaseIterable, Sendable {
  case drain, undrain, recheck, forget

  func path(of id: String) -> String {
    "/api/v1/nodes/\(id.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? "")/\(rawValue)"
  }

  private static let unreserved = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
}

/// Something an operator may ask of the store.
enum StoreChange {
  static let acknowledgePath = "/api/v1/store/acknowledge"
}
