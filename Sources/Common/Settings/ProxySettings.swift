extension SettingsReader {
  /// Whose `X-Forwarded-For` is believed.
  package mutating func readTrustedProxies() throws(SettingsError) -> TrustedProxies {
    TrustedProxies(
      try readOptional(
        "trustedProxies", .networks,
        help: "Networks of the load balancers whose X-Forwarded-For is believed; without it nobody's is"))
  }
}
