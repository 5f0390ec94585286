// `Fuzz --json …`: libFuzzer passes over what begins with two hyphens, and hands it on to the processes that it starts.
private let fuzzer: Fuzzer = {
  guard let fuzzer = Fuzzer.allCases.first(where: { CommandLine.arguments.contains("--\($0)") }) else {
    fatalError("which fuzzer? \(Fuzzer.allCases.map { "--\($0)" }.joined(separator: " "))")
  }
  return fuzzer
}()

/// libFuzzer, which brings the program's `main`, calls this with each input that it makes.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(bytes: UnsafePointer<UInt8>?, count: Int) -> CInt {
  do {
    try fuzzer.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    fatalError("\(error)")
  }
  return 0
}
