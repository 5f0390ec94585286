import Testing

@testable import Store

@Suite struct ScriptTextTests {
  private let text = ScriptText([
    ScriptConstant("KEY", "k:"), ScriptConstant("LONG_KEY", "it"), ScriptConstant("LIMIT", 7),
    ScriptConstant("IS", true), ScriptConstant("OWN", declaredAnd: "x"),
  ])

  @Test(arguments: [
    ("GET(KEY .. id)", "GET('k:' .. id)"), ("KEY", "'k:'"), ("LONG_KEY KEYS MY_KEY KEY2", "'it' KEYS MY_KEY KEY2"),
    ("if IS and n > LIMIT then", "if true and n > 7 then"), ("OWN .. sku", "KEYS[1] .. 'x' .. sku"),
    ("'KEY', KEY", "'KEY', 'k:'"), (#"'a\'KEY' .. KEY"#, #"'a\'KEY' .. 'k:'"#), (#"'\\' .. KEY"#, #"'\\' .. 'k:'"#),
    ("x -- KEY's\nKEY", "x -- KEY's\n'k:'"), ("a - KEY", "a - 'k:'"), ("'KEY", "'KEY"), ("é KEY…", "é 'k:'…"), ("", ""),
  ])
  func `constants are replaced in code, and nowhere else`(source: String, expected: String) {
    #expect(text.replacingConstants(in: source) == expected)
  }
}
