import Common

/// What the template `page` shows around the picture: who looks, how, and what is told or asked.
struct PageFrame: Sendable {
  /// Between reloads of a page without script. It is longer while there is something to read.
  private static let (reloadSeconds, readingSeconds) = (5, 20)
  private static let maxNoticeScalars = 600

  var look = Look()
  var session: Sessions.Session?
  var notice = ""
  /// Whether it has the form to log in.
  var logsIn = false
  /// Whether it answers a form. To reload it would send the form again.
  var isAnswer = false
  /// What follows from the request, if it is to be confirmed; then where the answer goes, and its words.
  var question: String?
  var action = ""
  var agreement = ""

  func fields(_ view: ClusterView, assets: Assets, isDisabled: Bool) -> Fields {
    let base = assets.base
    let home = base.address("/") + look.query
    var fields: Fields = [
      "css": assets.path("page.css"), "js": assets.path("page.js"),
      "notice": DisplayText.shown(notice, maxScalars: Self.maxNoticeScalars),
      "base": base.text, "query": look.query, "home": home, "own": base.address(logsIn ? "/login" : "/") + look.query,
      "stop": base.address("/") + look.reloading(false).query,
      "reload": base.address("/") + look.reloading(true).query,
      "isAnswer": isAnswer, "disabled": isDisabled, "visitor": !isDisabled && session == nil && !logsIn,
      "logsIn": !isDisabled && session == nil && logsIn,
    ]
    // What somebody types, or has as an answer, must not go away.
    if look.reloads, !logsIn, !isAnswer {
      fields["seconds"] = notice.isEmpty ? Self.reloadSeconds : Self.readingSeconds
    }
    fields["session"] = session.map { ["operatorName": $0.operatorName, "formToken": $0.formToken] }
    if let question {
      fields["question"] = [
        "text": DisplayText.shown(question, maxScalars: Self.maxNoticeScalars), "action": action,
        "agreement": agreement,
        "formToken": session?.formToken ?? "",
      ]
    }
    return fields.merging(PicturePresenter(view, look: look, assets: assets).fields) { $1 }
  }
}
