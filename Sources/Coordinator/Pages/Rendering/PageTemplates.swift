import Foundation
import Mustache

/// What a template is filled with. A name that is missing shows nothing.
typealias Fields = [String: Any]

/// The templates of the page, compiled once.
struct PageTemplates: Sendable {
  static let sources: [String: [UInt8]] = [
    "acknowledge": PackageResources.acknowledge_mustache,
    "age": PackageResources.age_mustache, "history": PackageResources.history_mustache,
    "instant": PackageResources.instant_mustache, "node": PackageResources.node_mustache,
    "operator": PackageResources.operator_mustache, "page": PackageResources.page_mustache,
    "picture": PackageResources.picture_mustache, "question": PackageResources.question_mustache,
    "spark": PackageResources.spark_mustache, "store": PackageResources.store_mustache,
    "totals": PackageResources.totals_mustache, "transition": PackageResources.transition_mustache,
    "verdict": PackageResources.verdict_mustache,
  ]

  private let library: MustacheLibrary

  /// - Throws: if a template can't be read. A test rules that out.
  init() throws {
    MustacheContentTypes.register(StrictHTML(), named: StrictHTML.name)
    var library = MustacheLibrary()
    for (name, source) in Self.sources {
      // Every template says how it escapes, since it does not hand that on to those within it.
      try library.register("{{% CONTENT_TYPE:\(StrictHTML.name)}}" + Self.trimmed(source), named: name)
    }
    self.library = library
  }

  func render(_ name: String, _ fields: Fields) -> String {
    guard let text = library.render(fields, withTemplate: name) else { preconditionFailure("no template \(name)") }
    return text
  }

  /// Without indentation. That serves whoever writes templates, not whoever loads a page each second.
  private static func trimmed(_ source: [UInt8]) -> String {
    String(decoding: source, as: UTF8.self).split(separator: "\n")
      .map { $0.drop(while: \.isWhitespace) }.joined(separator: "\n")
  }
}
