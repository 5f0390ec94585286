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
  let store: StoreController
  let templates: PageTemplates
  let assets: Assets
  let pictures: LivePictures
  let logger: Logger

  private var base: BasePath { assets.base }

  // MARK: - Looking

  func page(_ request: Request, _ context: SiteContext) async throws -> Response {
    let look: Look
    do throws(Problem) {
      look = try self.look(of: request)
    } catch {
      guard request.looksForPage else { throw error }
      return await page(error, request)
    }
    let session = access.session(of: request)
    let notice = session.flatMap { access.sessions.takeNotice(of: $0) }
    return await page(PageFrame(look: look, session: session, notice: notice ?? ""))
  }

  private func page(_ frame: PageFrame, status: HTTPResponse.Status = .ok) async -> Response {
    let fields = frame.fields(await watch.view(), assets: assets, isDisabled: access.isDisabled)
    return .html(templates.render("page", fields), status: status)
  }

  /// The page, with the problem as its notice. A person must not be left with JSON and no way back.
  func page(_ problem: Problem, _ request: Request) async -> Response {
    await page(problem, PageFrame(look: lookOrAll(of: request), session: access.session(of: request)))
  }

  private func page(_ problem: Problem, _ frame: PageFrame) async -> Response {
    var frame = frame
    (frame.notice, frame.isAnswer) = (problem.detail, true)
    var response = await page(frame, status: problem.status)
    if let retryAfter = problem.retryAfter { response.headers[.retryAfter] = String(retryAfter) }
    return response
  }

  private func look(of request: Request) throws(Problem) -> Look {
    let query = request.uri.queryParameters
    return try Look(
      states: query["state"].map(String.init), reload: query["reload"].map(String.init),
      mayChange: access.session(of: request) != nil)
  }

  private func lookOrAll(of request: Request) -> Look {
    if let look = try? look(of: request) { return look }
    var look = Look()
    look.mayChange = access.session(of: request) != nil
    return look
  }

  /// The address of the page that somebody came from.
  private func home(for request: Request, part: String = "") -> String {
    base.address("/") + lookOrAll(of: request).query + part
  }

  /// Server-sent events: the picture, each time it has changed.
  func events(_ request: Request, _ context: SiteContext) async throws -> Response {
    let look = try look(of: request)
    let channel = context.channel
    let messages = try await pictures.stream(look, for: AddressGroup(context.caller)) { channel.close(promise: nil) }
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/event-stream",
        // A proxy must not store, gather or compress events: that would hold them up.
        .cacheControl: "no-store, no-transform", .xAccelBuffering: "no",
      ],
      body: ResponseBody { writer in
        for await message in messages.cancelOnGracefulShutdown() { try await writer.write(message) }
        try await writer.finish(nil)
      })
  }

  /// Browsers keep a file for ever if its address names its content. At any other address they ask for it again.
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

  /// The page with the form to log in. It does not reload, so that what is typed stays.
  func logInPage(_ request: Request, _ context: SiteContext) async throws -> Response {
    guard access.session(of: request) == nil else { return .redirect(to: home(for: request)) }
    return await page(PageFrame(look: lookOrAll(of: request), logsIn: true))
  }

  func logIn(_ request: Request, _ context: SiteContext) async throws -> Response {
    do {
      guard let token = try await request.form()["token"] else {
        throw Problem.invalid([Fault("#/token", "is missing: send the form of the page")])
      }
      let session = try access.logIn(token: token, caller: context.caller)
      logger.notice("logged in", metadata: ["operator": "\(session.operatorName)", "caller": "\(context.caller)"])
      var response = Response.redirect(to: home(for: request))
      response.setCookie(cookie(session.id, request, maxAge: Int(Sessions.lifetime / .seconds(1))))
      return response
    } catch let problem as Problem where request.wantsPage {
      let session = access.session(of: request)
      return await page(
        problem, PageFrame(look: lookOrAll(of: request), session: session, logsIn: session == nil))
    }
  }

  func logOut(_ request: Request, _ context: SiteContext) async throws -> Response {
    if let session = access.session(of: request) {
      do {
        try access.require(session, try await request.form())
      } catch let problem as Problem where request.wantsPage {
        return await page(problem, request)
      }
      access.sessions.end(session)
      logger.notice("logged out", metadata: ["operator": "\(session.operatorName)"])
    }
    var response = Response.redirect(to: home(for: request))
    response.setCookie(cookie("", request, maxAge: 0))
    return response
  }

  private func cookie(_ value: String, _ request: Request, maxAge: Int) -> Cookie {
    Cookie(
      name: access.cookieName, value: value, maxAge: maxAge, path: base.ofCookies,
      // Whoever terminates TLS in front says so. Without TLS a secure cookie would never come back.
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
      let part = change == .forget ? "nodes" : NodePresenter.key(done.id)
      return .redirect(to: home(for: request, part: "#\(part)"))
    } catch let problem as Problem {
      var frame = PageFrame(look: lookOrAll(of: request), session: session)
      guard problem.kind == .lastReadyNode else { return await page(problem, frame) }
      (frame.isAnswer, frame.question) = (true, problem.detail)
      (frame.action, frame.agreement) = (base.address(request.head.path ?? "/"), change.agreement)
      return await page(frame, status: problem.status)
    }
  }
}

extension PageController {
  /// For programs, the page's script, and the form of the page alike.
  func acknowledge(_ request: Request, _ context: SiteContext) async throws -> Response {
    guard request.wantsPage else { return try .json(try await store.acknowledge(request, context)) }
    let session = access.session(of: request)
    do {
      let done = try await store.acknowledge(request, context)
      if let session { access.sessions.leave(notice: done.message, for: session) }
      return .redirect(to: home(for: request))
    } catch let problem as Problem {
      return await page(problem, request)
    }
  }
}

extension NodeChange {
  /// The words by which a person agrees to what follows.
  fileprivate var agreement: String { rawValue.capitalized + " it all the same" }
}

extension HTTPField.Name {
  fileprivate static let xForwardedProto = Self("X-Forwarded-Proto")!
  fileprivate static let xAccelBuffering = Self("X-Accel-Buffering")!
}
