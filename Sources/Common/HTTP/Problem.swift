import NIOCore

/// The kinds of errors told over HTTP, as RFC 9457 problem types `urn:holdfast:problem:<name>`.
package enum ProblemKind: String, CaseIterable, Sendable {
  case invalidRequest = "invalid-request"
  case unauthorized
  case adminDisabled = "admin-disabled"
  case notFound = "not-found"
  case methodNotAllowed = "method-not-allowed"
  case payloadTooLarge = "payload-too-large"
  case headersTooLarge = "headers-too-large"
  case unsupportedMediaType = "unsupported-media-type"
  case requestTimeout = "request-timeout"
  case expectationFailed = "expectation-failed"
  /// A load balancer in front tells it; nodes know only ``overloaded``.
  case tooManyRequests = "too-many-requests"
  case unsupportedTransferCoding = "unsupported-transfer-coding"
  case unsupportedVersion = "unsupported-http-version"
  case internalError = "internal-error"
  case insufficientStock = "insufficient-stock"
  case unknownSKU = "unknown-sku"
  case unknownReservation = "unknown-reservation"
  case reservationExpired = "reservation-expired"
  case reservationCancelled = "reservation-cancelled"
  case reservationConfirmed = "reservation-confirmed"
  case holdLimitReached = "hold-limit-reached"
  case stockInUse = "stock-in-use"
  case stockLimitExceeded = "stock-limit-exceeded"
  case stockDamaged = "stock-damaged"
  case idempotencyKeyReused = "idempotency-key-reused"
  case overloaded
  case storeUnavailable = "store-unavailable"
  case outcomeUnknown = "outcome-unknown"
  case notReady = "not-ready"
  case unknownNode = "unknown-node"
  case nodeIDTaken = "node-id-taken"
  case noLeader = "no-leader"
  case nodeAlive = "node-alive"
  case lastReadyNode = "last-ready-node"

  /// What only the coordinator tells: the API of nodes does not have it.
  package static let ofCoordinator: Set<ProblemKind> = [
    .unknownNode, .nodeIDTaken, .noLeader, .nodeAlive, .lastReadyNode,
  ]

  package var name: String { rawValue }

  /// The HTTP status.
  package var status: Int {
    switch self {
    // Bad input is never a 5xx, whatever RFC 9110 has for these two.
    case .invalidRequest, .unsupportedTransferCoding, .unsupportedVersion: 400
    case .unauthorized: 401
    case .adminDisabled: 403
    case .notFound, .unknownSKU, .unknownReservation, .unknownNode: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .insufficientStock, .reservationCancelled, .reservationConfirmed, .holdLimitReached, .stockInUse,
      .stockLimitExceeded, .nodeIDTaken, .nodeAlive, .lastReadyNode:
      409
    case .reservationExpired: 410
    case .payloadTooLarge: 413
    case .unsupportedMediaType: 415
    case .expectationFailed: 417
    case .idempotencyKeyReused: 422
    case .tooManyRequests: 429
    case .headersTooLarge: 431
    case .internalError, .stockDamaged: 500
    case .overloaded, .storeUnavailable, .notReady, .noLeader: 503
    case .outcomeUnknown: 504
    }
  }

  /// The same short sentence for every occurrence.
  package var title: String {
    switch self {
    case .invalidRequest: "The request is not valid"
    case .unauthorized: "A valid token is needed"
    case .adminDisabled: "No admin token is configured"
    case .notFound: "No such path"
    case .methodNotAllowed: "The path does not have this method"
    case .payloadTooLarge: "The request body is too large"
    case .headersTooLarge: "The request line and headers are too large"
    case .unsupportedMediaType: "The request body must be application/json"
    case .requestTimeout: "The request was not complete in time"
    case .expectationFailed: "No expectation but 100-continue is met"
    case .tooManyRequests: "Too many requests from one address"
    case .unsupportedTransferCoding: "No transfer coding but chunked is understood"
    case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here"
    case .internalError: "Something went wrong here"
    case .insufficientStock: "Not enough stock"
    case .unknownSKU: "No such SKU"
    case .unknownReservation: "No such reservation"
    case .reservationExpired: "The reservation has expired"
    case .reservationCancelled: "The reservation was cancelled"
    case .reservationConfirmed: "The reservation was confirmed"
    case .holdLimitReached: "The hold can't be extended any further"
    case .stockInUse: "More stock is reserved or sold than that"
    case .stockLimitExceeded: "A SKU can't have so much stock"
    case .stockDamaged: "What is stored is damaged"
    case .idempotencyKeyReused: "The idempotency key was used for another request"
    case .overloaded: "Too much to do at present"
    case .storeUnavailable: "The store is not available"
    case .outcomeUnknown: "The outcome is not known"
    case .notReady: "Not ready to serve"
    case .unknownNode: "No such node"
    case .nodeIDTaken: "Another process has this node id"
    case .noLeader: "No node is the leader"
    case .nodeAlive: "The node is alive"
    case .lastReadyNode: "It is the last node that is ready"
    }
  }
}

/// One error as it is told: what happened, in words, with the members that its kind brings along.
package struct Problem: Error, Sendable {
  package var kind: ProblemKind
  package var detail: String
  /// Further members as JSON, each with a comma before it: `,"skus":["A"]`.
  package var members: ByteBuffer
  /// `Retry-After` in seconds.
  package var retryAfter: Int?
  /// What stands behind it, for the log: clients are not told.
  package var cause: String?

  package init(
    _ kind: ProblemKind, _ detail: String, retryAfter: Int? = nil, members: (inout ByteBuffer) -> Void = { _ in }
  ) {
    self.kind = kind
    self.detail = detail
    self.retryAfter = retryAfter
    self.members = ByteBuffer()
    members(&self.members)
  }

  /// The `application/problem+json` document.
  package var document: ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: 256 + members.readableBytes)
    body.writeStaticString("{\"type\":\"urn:holdfast:problem:")
    body.writeString(kind.name)
    body.writeStaticString("\",\"title\":")
    body.writeJSONString(kind.title)
    body.writeStaticString(",\"status\":")
    body.writeDecimal(kind.status)
    body.writeStaticString(",\"detail\":")
    body.writeJSONString(detail)
    body.writeImmutableBuffer(members)
    body.writeStaticString("}")
    return body
  }
}

/// One fault of a request: where, and what is wrong there.
package struct Fault: Error, Sendable, Equatable {
  /// `#/items/0/quantity` in the body (RFC 6901 as a URI fragment); `path/sku`, `query/limit`,
  /// `header/Idempotency-Key`.
  package var pointer: String
  package var detail: String

  package init(_ pointer: String, _ detail: String) {
    self.pointer = pointer
    self.detail = detail
  }
}

extension Problem {
  /// 400 with everything that is wrong with the request.
  package static func invalid(_ faults: [Fault]) -> Problem {
    let detail = faults.map { "\($0.pointer): \($0.detail)" }.joined(separator: "; ")
    return Problem(.invalidRequest, detail) { body in
      body.writeStaticString(",\"errors\":")
      body.writeJSONArray(faults) { body, fault in
        body.writeStaticString("{\"pointer\":")
        body.writeJSONString(fault.pointer)
        body.writeStaticString(",\"detail\":")
        body.writeJSONString(fault.detail)
        body.writeStaticString("}")
      }
    }
  }
}
