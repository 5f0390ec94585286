// `Fuzz --json …`: libFuzzer ignores arguments with two hyphens and passes them on to the processes that it starts.
private let fuzzer: Fuzzer = {
  guard let fuzzer = Fuzzer.allCases.first(where: { CommandLine.arguments.contains("--\($0)") }) else {
    fatalError("which fuzzer? \(Fuzzer.allCases.map { "--\($0)" }.joined(separator: " "))")
  }
  return fuzzer
}()

/// libFuzzer contains the program's `main` and calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(bytes: UnsafePointer<UInt8>?, count: Int) -> CInt {
  do {
    try fuzzer.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    fatalError("\(error)")
  }
  return 0
}
