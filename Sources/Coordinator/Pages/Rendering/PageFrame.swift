import Common

/// What the template `page` shows around the picture: who looks, how, and what is told or asked.
struct PageFrame: Sendable {
  /// Seconds between reloads of a page without script; longer while there is something to read on it.
  private static let (reloadPause, readingPause) = (5, 20)

  var look = Look()
  var session: Sessions.Session?
  var notice = ""
  /// With the form to log in.
  var logsIn = false
  /// It answers a form: to reload it would be to send that again.
  var isAnswer = false
  /// What follows from what was asked for, if it is to be confirmed; then where to, and in which words.
  var question: String?
  var action = ""
  var agreement = ""

  func fields(_ view: ClusterView, assets: Assets, isDisabled: Bool) -> Fields {
    let base = assets.base
    let home = base.address("/") + look.query
    var fields: Fields = [
      "css": assets.path("page.css"), "js": assets.path("page.js"), "notice": DisplayText.shown(notice, limit: 600),
      "base": base.text, "query": look.query, "home": home, "own": base.address(logsIn ? "/login" : "/") + look.query,
      "stop": base.address("/") + look.reloading(false).query,
      "reload": base.address("/") + look.reloading(true).query,
      "isAnswer": isAnswer, "disabled": isDisabled, "visitor": !isDisabled && session == nil && !logsIn,
      "logsIn": !isDisabled && session == nil && logsIn,
    ]
    // What is being typed, read or answered must not go away.
    if look.reloads, !logsIn, !isAnswer {
      fields["seconds"] = notice.isEmpty ? Self.reloadPause : Self.readingPause
    }
    fields["session"] = session.map { ["operatorName": $0.operatorName, "formToken": $0.formToken] }
    if let question {
      fields["question"] = [
        "text": DisplayText.shown(question, limit: 600), "action": action, "agreement": agreement,
        "formToken": session?.formToken ?? "",
      ]
    }
    return fields.merging(PicturePresenter(view, look: look, assets: assets).fields) { $1 }
  }
}
