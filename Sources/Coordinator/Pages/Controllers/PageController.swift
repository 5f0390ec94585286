import Common
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The operator page: shows the cluster, logs operators in, and takes what they ask of nodes.
struct PageController: Sendable {
  let watch: any ClusterWatching
  let access: OperatorAccess
  let nodes: NodeController
  let templates: PageTemplates
  let assets: Assets
  let pictures: LivePictures
  let logger: Logger

  // MARK: - Looking

  func page(_ request: Request, _ context: SiteContext) async throws -> Response {
    let session = access.session(of: request)
    let notice = session.flatMap { access.sessions.takeNotice(of: $0) }
    return try await page(for: session, notice: notice ?? "", query: request.uri.queryParameters)
  }

  private func page(
    for session: Sessions.Session?, notice: String, query: Parameters = .init(), status: HTTPResponse.Status = .ok
  ) async throws -> Response {
    let look = try Look(states: query["state"].map(String.init), mayChange: session != nil)
    let picture = PicturePresenter(await watch.view(), look: look, assets: assets)
    var fields: Fields = [
      "css": assets.path("page.css"), "js": assets.path("page.js"), "notice": notice,
      "reloads": query["reload"] != "off",
      "disabled": access.isDisabled, "visitor": !access.isDisabled && session == nil,
    ]
    fields["session"] = session.map { ["operatorName": $0.operatorName, "formToken": $0.formToken] }
    return .html(templates.render("page", fields.merging(picture.fields) { $1 }), status: status)
  }

  /// Server-sent events: the picture, whenever it has changed.
  func events(_ request: Request, _ context: SiteContext) async throws -> Response {
    let look = try Look(
      states: request.uri.queryParameters["state"].map(String.init), mayChange: access.session(of: request) != nil)
    let channel = context.channel
    let messages = try await pictures.stream(look) { channel.close(promise: nil) }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: ResponseBody { writer in
        for await message in messages.cancelOnGracefulShutdown() { try await writer.write(message) }
        try await writer.finish(nil)
      })
  }

  /// Files whose content their address names are kept for ever; at other addresses they are asked for again.
  func asset(_ request: Request, _ context: SiteContext) async throws -> Response {
    guard let asset = assets.byName[try context.pathPart("name")] else {
      throw Problem(.notFound, "There is nothing at this path.")
    }
    let isLasting = request.uri.queryParameters["v"].map(String.init) == asset.etag
    let etag = "\"\(asset.etag)\""
    let headers: HTTPFields = [
      .eTag: etag, .cacheControl: isLasting ? "public, max-age=31536000, immutable" : "no-cache",
    ]
    guard request.headers[.ifNoneMatch] != etag else { return Response(status: .notModified, headers: headers) }
    var response = Response(status: .ok, type: asset.type, body: asset.body)
    response.headers.append(contentsOf: headers)
    return response
  }

  // MARK: - Logging in and out

  func logIn(_ request: Request, _ context: SiteContext) async throws -> Response {
    do {
      guard let token = try await request.form()["token"] else {
        throw Problem.invalid([Fault("#/token", "is missing: send the form of the page")])
      }
      let session = try access.logIn(token: token, caller: context.caller)
      logger.notice("logged in", metadata: ["operator": "\(session.operatorName)", "caller": "\(context.caller)"])
      var response = Response.redirect(to: "/")
      response.setCookie(cookie(session.id, request, maxAge: Int(Sessions.lifetime / .seconds(1))))
      return response
    } catch let problem as Problem where request.wantsPage {
      return try await page(
        for: access.session(of: request), notice: problem.detail, status: .init(code: problem.kind.status))
    }
  }

  func logOut(_ request: Request, _ context: SiteContext) async throws -> Response {
    if let session = access.session(of: request) {
      do {
        try access.require(session, try await request.form())
      } catch let problem as Problem where request.wantsPage {
        return try await page(for: session, notice: problem.detail, status: .init(code: problem.kind.status))
      }
      access.sessions.end(session)
      logger.notice("logged out", metadata: ["operator": "\(session.operatorName)"])
    }
    var response = Response.redirect(to: "/")
    response.setCookie(cookie("", request, maxAge: 0))
    return response
  }

  private func cookie(_ value: String, _ request: Request, maxAge: Int) -> Cookie {
    Cookie(
      name: OperatorAccess.cookieName, value: value, maxAge: maxAge, path: "/",
      // Whoever terminates TLS in front says so; without TLS a secure cookie would never come back.
      secure: request.headers[.xForwardedProto] == "https", httpOnly: true, sameSite: .strict)
  }

  // MARK: - Changing

  /// For programs, the page's script, and forms of the page alike.
  func change(_ change: NodeChange, _ request: Request, _ context: SiteContext) async throws -> Response {
    guard request.wantsPage else { return try .json(try await nodes.perform(change, request, context)) }
    let session = access.session(of: request)
    do {
      let done = try await nodes.perform(change, request, context)
      if let session { access.sessions.leave(notice: done.message, for: session) }
      return .redirect(to: "/#\(NodePresenter.key(done.id))")
    } catch let problem as Problem {
      return try await page(for: session, notice: problem.detail, status: .init(code: problem.kind.status))
    }
  }
}

extension HTTPField.Name {
  fileprivate static let xForwardedProto = Self("X-Forwarded-Proto")!
}
