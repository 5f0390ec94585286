import Common
import Foundation
import Hummingbird
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

/// The page shows everything that came from a node as text and executes none of it.
@Suite struct EscapingTests {
  @Test func `no text of a node becomes markup`() async throws {
    let bench = try SiteBench(Scenes.hostile)
    try await bench.test { client in
      let alice = try await client.logIn()
      let page = try await client.send(.get, "/", headers: ["Cookie": alice.cookie]).text
      for tag in ["<script>", "<img", "<b>", "<h1>harmed", "</title><h1"] { #expect(!page.contains(tag), "\(tag)") }
      let scripts = page.matches(of: #/<script[^>]*>/#).map { String($0.output) }
      #expect(scripts.count == 1 && scripts[0].hasPrefix(#"<script src="/assets/page.js?v="#))
      // Within quotes it is only the value of an attribute.
      let unquoted = page.replacing(#/="[^"]*"/#, with: "=")
      #expect(!unquoted.contains(#/<[^>]*\son[a-z]+=/#), "no handler of events in any tag")
      #expect(!page.contains(#/href="javascript/#))
      #expect(page.contains("&lt;script&gt;window.harmed = 1&lt;/script&gt;"), "shown as text")
      #expect(page.contains("{{title}} {{{headline}}}"), "not taken for a template")
    }
  }

  /// Browsers read character by character. For Swift, U+0600 and a following `<` form one character that is not `<`.
  @Test func `escaping goes by bytes`() {
    let special = Set("<>\"'".utf8)
    var random = SeededRandom(4)
    let scalars: [Unicode.Scalar] = [
      "<", ">", "\"", "'", "&", "a", "\u{0600}", "\u{0301}", "\u{200D}", "\u{110BD}", "\r", "\n", "\u{1F1E6}",
      "\u{FE0F}",
    ]
    for _ in 0..<2000 {
      var text = ""
      for _ in 0..<random.number(0...8) { text.unicodeScalars.append(random.pick(scalars)) }
      let escaped = StrictHTML().escapeText(text)
      #expect(!escaped.utf8.contains { special.contains($0) }, "\(Array(text.unicodeScalars))")
      #expect(unescaped(escaped.utf8) == Array(text.utf8))
    }
  }

  private func unescaped(_ text: some Sequence<UInt8>) -> [UInt8] {
    let names = ["&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'", "&amp;": "&"]
    var (rest, plain) = (Array(text)[...], [UInt8]())
    while let byte = rest.first {
      let name = names.first { rest.starts(with: $0.key.utf8) }
      plain += name.map { Array($0.value.utf8) } ?? [byte]
      rest = rest.dropFirst(name?.key.utf8.count ?? 1)
    }
    return plain
  }

  @Test func `text is cut, and freed of what changes its neighbours`() {
    #expect(DisplayText.shown("node-1") == "node-1")
    #expect(DisplayText.shown("größer 節点") == "größer 節点")
    #expect(DisplayText.shown("a\u{202E}b\u{2066}c\u{200F}") == "a\u{FFFD}b\u{FFFD}c\u{FFFD}")
    #expect(DisplayText.shown("a\nb\tc\u{0}d\u{2028}") == "a b c\u{FFFD}d\u{FFFD}")
    #expect(
      DisplayText.shown(String(repeating: "x", count: 400), maxScalars: 64) == String(repeating: "x", count: 64) + "…")
    let piled = DisplayText.shown("z" + String(repeating: "\u{0336}", count: 100))
    #expect(piled.unicodeScalars.count == 3)
  }

  @Test func `a stream is not broken up by the text of nodes`() async throws {
    let templates = try PageTemplates()
    let pictures = LivePictures(watch: SampleCluster(Scenes.hostile), templates: templates, assets: Assets())
    let stream = try await pictures.stream(try Look(states: nil, mayChange: false), for: AddressGroup("10.0.0.1")) {}
    let event = try #require(await stream.first { _ in true })
    let lines = String(buffer: event).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.suffix(2) == ["", ""], "one event, ended once")
    #expect(lines.dropLast(2).allSatisfy { $0.hasPrefix("data: ") || $0 == "retry: 1000" || $0 == "event: picture" })
    #expect(lines.count { $0 == "event: picture" } == 1)
  }
}
