#include "fuzz_target.hpp"

/// What libFuzzer calls, for the target that the program is built with.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  millrace::fuzz::MILLRACE_FUZZED(
    {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
