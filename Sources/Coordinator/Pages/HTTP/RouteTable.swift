import Common
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1

/// Routes by path and method. It remembers which methods a path has, since the router does not tell. Without that, a
/// wrong method would look like a wrong path.
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

  /// - Parameter page: tells a person of a problem.
  func responder(
    base: BasePath, proxies: TrustedProxies, logger: Logger,
    page: @escaping @Sendable (Problem, Request) async -> Response
  ) -> SiteResponder {
    SiteResponder(
      routes: router.buildResponder(), methods: methods, base: base, proxies: proxies, page: page, logger: logger)
  }

  static func parts(_ path: String) -> [Substring] { path.split(separator: "/") }
}

/// Answers every request, by its route or by a problem, with headers that keep browsers safe.
struct SiteResponder: HTTPResponder {
  let routes: RouterResponder<SiteContext>
  let methods: [[Substring]: Set<HTTPRequest.Method>]
  let base: BasePath
  let proxies: TrustedProxies
  let page: @Sendable (Problem, Request) async -> Response
  let logger: Logger

  /// Nothing from elsewhere, nothing inline, never in a frame.
  private static let contentSecurityPolicy = """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'
    """

  func respond(to request: Request, context: SiteContext) async throws -> Response {
    // Each request of a connection waits its turn, so that a client that pipelines thousands does not keep others
    // waiting. ``FairShare`` says why both are needed.
    await Task.yield()
    let request = request.below(base)
    var context = context
    context.caller = proxies.client(
      of: proxies.peer(context.channel.remoteAddress), forwardedFor: request.forwardedFor)
    var response: Response
    do {
      response =
        if request.expectsWhatIsNotMet {
          Problem(.expectationFailed, "Expect must be \"100-continue\", or absent.")
            .response(from: request, context: context)
        } else {
          try await routes.respond(to: request, context: context)
        }
      // Our own answers say in their bodies what is wrong, so this one is the router's.
      if response.status == .notFound, response.headers[.contentType] == nil {
        response = await unrouted(request, context)
      }
    } catch let error as HTTPParserError {
      // The rest of the connection can't be understood. Hummingbird says so and closes it.
      throw error
    } catch {
      logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      response = Problem(.internalError, "The log says more.").response(from: request, context: context)
    }
    Self.makeSafe(&response.headers)
    return response
  }

  /// Adds what every answer has.
  static func makeSafe(_ headers: inout HTTPFields) {
    headers[.contentSecurityPolicy] = contentSecurityPolicy
    headers[.xContentTypeOptions] = "nosniff"
    headers[.referrerPolicy] = "no-referrer"
    if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
  }

  /// The router gives the same answer to a wrong path and to a wrong method. This tells them apart.
  private func unrouted(_ request: Request, _ context: SiteContext) async -> Response {
    let methods = allowed(request)
    guard !methods.isEmpty, !methods.contains(request.method.rawValue) else {
      let problem = Problem(.notFound, "There is nothing at this path.")
      return request.looksForPage ? await page(problem, request) : problem.response(from: request, context: context)
    }
    // Somebody loads the address of a form. There is only one page.
    if request.looksForPage { return .redirect(to: base.address("/")) }
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
