import NIOHTTP1

/// Everything that the node serves. A test holds this list and `openapi.yaml` together.
enum Operation: String, CaseIterable, Sendable {
  case reserve, confirm, cancel, extend
  case readReservation = "read-reservation"
  case readStock = "read-stock"
  case setStock = "set-stock"
  case adjustStock = "adjust-stock"
  case deleteStock = "delete-stock"
  case listStock = "list-stock"
  case audit
  case live, ready, health, metrics
  case openAPI = "openapi"

  enum Access: Sendable {
    case everyone, shop, admin
  }

  /// Method and path; a segment in braces stands for any text.
  var route: (method: HTTPMethod, path: String) {
    switch self {
    case .reserve: (.POST, "/inventory/reserve")
    case .confirm: (.POST, "/checkout/confirm")
    case .cancel: (.POST, "/checkout/cancel")
    case .extend: (.POST, "/checkout/extend")
    case .readReservation: (.GET, "/reservations/{reservationId}")
    case .readStock: (.GET, "/inventory/{sku}")
    case .setStock: (.PUT, "/inventory/{sku}")
    case .adjustStock: (.POST, "/inventory/{sku}/adjust")
    case .deleteStock: (.DELETE, "/inventory/{sku}")
    case .listStock: (.GET, "/inventory")
    case .audit: (.GET, "/audit")
    case .live: (.GET, "/health/live")
    case .ready: (.GET, "/health/ready")
    case .health: (.GET, "/health")
    case .metrics: (.GET, "/metrics")
    case .openAPI: (.GET, "/openapi.yaml")
    }
  }

  var access: Access {
    switch self {
    case .reserve, .confirm, .cancel, .extend, .readReservation, .readStock: .shop
    case .setStock, .adjustStock, .deleteStock, .listStock, .audit: .admin
    case .live, .ready, .health, .metrics, .openAPI: .everyone
    }
  }

  var takesBody: Bool {
    switch self {
    case .reserve, .confirm, .cancel, .extend, .setStock, .adjustStock: true
    default: false
    }
  }

  /// Whether an `Idempotency-Key` means something here.
  var takesKey: Bool { takesBody || self == .deleteStock }
}
