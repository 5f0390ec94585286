import Testing
import Yams

@testable import Node

/// `openapi.yaml`, read as a tree.
struct APIDescription {
  /// A mapping, list or value of the document. References are followed.
  struct Part {
    fileprivate let document: [String: Any]
    fileprivate let value: Any?

    subscript(name: String) -> Part {
      let mapping = value as? [String: Any]
      if let reference = mapping?["$ref"] as? String { return at(reference)[name] }
      return Part(document: document, value: mapping?[name])
    }

    /// The members of a mapping.
    var members: [String: Part] {
      let mapping = value as? [String: Any] ?? [:]
      if let reference = mapping["$ref"] as? String { return at(reference).members }
      return mapping.mapValues { Part(document: document, value: $0) }
    }

    var elements: [Part] { (value as? [Any] ?? []).map { Part(document: document, value: $0) } }
    var text: String? { value as? String }
    var number: Int? { value as? Int }
    var isThere: Bool { value != nil }

    /// This part and everything in it. References are not followed.
    var everything: [Part] {
      switch value {
      case let mapping as [String: Any]:
        [self] + mapping.values.flatMap { Part(document: document, value: $0).everything }
      case is [Any]: [self] + elements.flatMap(\.everything)
      default: [self]
      }
    }

    /// The target, if this is a reference to nothing.
    var brokenReference: String? {
      guard let reference = (value as? [String: Any])?["$ref"] as? String, !at(reference).isThere else { return nil }
      return reference
    }

    private func at(_ reference: String) -> Part {
      reference.split(separator: "/").dropFirst().reduce(Part(document: document, value: document)) { $0[String($1)] }
    }
  }

  let root: Part

  init() throws {
    let text = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
    let document = try #require(try Yams.load(yaml: text) as? [String: Any])
    root = Part(document: document, value: document)
  }

  /// An operation, with the parameters that its path gives to all of its methods.
  struct Described {
    var method: String
    var path: String
    var part: Part
    var parameters: [Part]
  }

  var operations: [Described] {
    root["paths"].members.flatMap { path, item in
      item.members.filter { $0.key != "parameters" }.map { method, part in
        Described(
          method: method.uppercased(), path: path, part: part,
          parameters: item["parameters"].elements + part["parameters"].elements)
      }
    }
  }
}
