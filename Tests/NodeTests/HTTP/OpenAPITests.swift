import Common
import Testing

@testable import Node
@testable import Store

/// Compares `openapi.yaml` with the code.
@Suite struct OpenAPITests {
  private let description: APIDescription
  private let kinds = ProblemKind.allCases.filter { !ProblemKind.ofCoordinator.contains($0) }

  init() throws { description = try APIDescription() }

  @Test func `every operation is described, and every described one is served`() {
    let served = Node.Operation.allCases.map { "\($0.route.method.rawValue) \($0.route.path)" }
    let described = description.operations.map { "\($0.method) \($0.path)" }
    #expect(Set(served) == Set(described) && served.count == described.count)
    let names = description.operations.compactMap { $0.part["operationId"].text }
    #expect(Set(names).count == described.count)
  }

  @Test func `every problem is described, with its status and no other`() {
    let prefix = "urn:holdfast:problem:"
    var described: [String: Int?] = [:]
    for schema in description.root["components"]["schemas"].members.values {
      let properties = schema["properties"]
      guard let type = properties["type"]["const"].text, type.hasPrefix(prefix) else { continue }
      described[String(type.dropFirst(prefix.count))] = properties["status"]["const"].number
    }
    #expect(described == Dictionary(uniqueKeysWithValues: kinds.map { ($0.name, $0.status) }))
  }

  @Test func `every example of a problem is as the node tells it`() throws {
    let examples = description.root.everything.filter {
      $0["title"].isThere && $0["type"].text?.hasPrefix("urn:") == true
    }
    for example in examples {
      let name = try #require(example["type"].text?.split(separator: ":").last)
      let kind = try #require(ProblemKind(rawValue: String(name)))
      #expect(example["title"].text == kind.title && example["status"].number == kind.status, "\(name)")
      #expect(example["detail"].text?.isEmpty == false)
    }
    #expect(Set(examples.compactMap { $0["type"].text }).count == kinds.count)
  }

  @Test(arguments: Node.Operation.allCases)
  func `an operation is described as the validator judges it`(operation: Node.Operation) throws {
    let route = (operation.route.method.rawValue, operation.route.path)
    let described = try #require(description.operations.first { ($0.method, $0.path) == route })
    let statuses = Set(described.part["responses"].members.keys)
    let names = described.parameters.compactMap { $0["name"].text }
    #expect(described.part["requestBody"].isThere == operation.takesBody)
    #expect(names.contains("Idempotency-Key") == operation.takesKey && names.contains("X-Request-ID"))
    #expect(statuses.isSuperset(of: ["400", "405", "408", "431", "500"]))
    #expect(statuses.isSuperset(of: ["413", "415"]) == operation.takesBody)
    #expect(statuses.isSuperset(of: ["422", "504"]) == operation.takesKey)
    #expect(statuses.contains("403") == (operation.access == .admin))
    // The load balancer limits each address on the shoppers' operations.
    #expect(statuses.contains("429") == (operation.access == .shop))
    #expect(statuses.contains("401") == (operation.access != .everyone))
    let security = described.part["security"]
    switch operation.access {
    case .everyone: #expect(security.isThere && security.elements.isEmpty)
    case .shop: #expect(!security.isThere, "the document's own: open, or with a client token")
    case .admin: #expect(security.elements.count == 1 && security.elements[0]["adminToken"].isThere)
    }
  }

  @Test func `the parameter of a path is described`() {
    for described in description.operations {
      let inPath = described.parameters.filter { $0["in"].text == "path" }.compactMap { $0["name"].text }
      #expect(
        inPath
          == described.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
      )
    }
  }

  @Test func `bounds are those of the code`() {
    let schemas = description.root["components"]["schemas"]
    func range(_ part: APIDescription.Part) -> [Int?] { [part["minimum"].number, part["maximum"].number] }
    #expect(range(schemas["Quantity"]) == [1, Limits.maxQuantity])
    #expect(range(schemas["StockTotal"]) == [0, Limits.maxStockTotal])
    #expect(range(schemas["TtlSeconds"]) == [1, Limits.maxTTLSeconds])
    let adjust = schemas["AdjustInventoryRequest"]["properties"]
    #expect(range(adjust["delta"]) == [-Limits.maxStockTotal, Limits.maxStockTotal])
    #expect(adjust["reason"]["maxLength"].number == HTTPLimits.maxReasonCharacters)
    let reserve = schemas["ReserveRequest"]["properties"]
    #expect(reserve["items"]["maxItems"].number == Limits.maxLines)
    #expect(reserve["ttlSeconds"]["default"].number == Limits.defaultTTLSeconds)
    #expect(schemas["InventoryPage"]["properties"]["items"]["maxItems"].number == HTTPLimits.maxPageItems)
    #expect(schemas["Label"]["pattern"].text == "^[!-~]{1,\(Limits.maxLabelCharacters)}$")
    #expect(schemas["Sku"]["pattern"].text == "^[A-Za-z0-9][A-Za-z0-9._-]{0,\(Limits.maxSKUCharacters - 1)}$")
  }

  @Test func `every reference of the document leads somewhere`() {
    #expect(description.root.everything.compactMap(\.brokenReference).isEmpty)
  }
}
