import Common
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1

/// Routes by path and method. Remembers which methods a path has, which the router does not tell: without that, a wrong
/// method would look like a wrong path.
struct RouteTable {
  private let router = Router(context: SiteContext.self, options: [.autoGenerateHeadEndpoints])
  private var methods: [[Substring]: Set<HTTPRequest.Method>] = [:]

  /// - Parameter path: parts that begin with a colon stand for any text.
  mutating func on(
    _ method: HTTPRequest.Method, _ path: String,
    _ answer: @escaping @Sendable (Request, SiteContext) async throws -> Response
  ) {
    router.on(RouterPath(path), method: method, use: answer)
    methods[Self.parts(path), default: []].formUnion(method == .get ? [.get, .head] : [method])
  }

  func responder(logger: Logger) -> SiteResponder {
    SiteResponder(routes: router.buildResponder(), methods: methods, logger: logger)
  }

  static func parts(_ path: String) -> [Substring] { path.split(separator: "/") }
}

/// Answers every request: by its route, or by a problem; with headers that keep browsers safe.
struct SiteResponder: HTTPResponder {
  let routes: RouterResponder<SiteContext>
  let methods: [[Substring]: Set<HTTPRequest.Method>]
  let logger: Logger

  /// Nothing from elsewhere, nothing inline, never in a frame.
  private static let contentSecurityPolicy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'
    """

  func respond(to request: Request, context: SiteContext) async throws -> Response {
    var response: Response
    do {
      response = try await routes.respond(to: request, context: context)
      // Ours say in their bodies what is wrong: this is the router's own.
      if response.status == .notFound, response.headers[.contentType] == nil {
        response = unrouted(request, context)
      }
    } catch let error as HTTPParserError {
      // The rest of the connection can't be understood: Hummingbird says so and closes it.
      throw error
    } catch {
      logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      response = Problem(.internalError, "The log says more.").response(from: request, context: context)
    }
    response.headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[.referrerPolicy] = "no-referrer"
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    return response
  }

  /// The router says the same of a path that it does not have and of a method that its path has not.
  private func unrouted(_ request: Request, _ context: SiteContext) -> Response {
    let methods = allowed(request)
    guard !methods.isEmpty, !methods.contains(request.method.rawValue) else {
      return Problem(.notFound, "There is nothing at this path.").response(from: request, context: context)
    }
    let list = methods.joined(separator: ", ")
    let problem = Problem(.methodNotAllowed, "This path has \(list).")
    var response = problem.response(from: request, context: context)
    response.headers[.allow] = list
    return response
  }

  /// The methods of the request's path; none if there is no such path.
  private func allowed(_ request: Request) -> [String] {
    let parts = RouteTable.parts(request.uri.path)
    let matching = methods.filter { pattern, _ in
      pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
    }
    return Set(matching.values.joined()).map(\.rawValue).sorted()
  }
}

extension HTTPField.Name {
  static let contentSecurityPolicy = Self("Content-Security-Policy")!
  static let xContentTypeOptions = Self("X-Content-Type-Options")!
  static let referrerPolicy = Self("Referrer-Policy")!
}
