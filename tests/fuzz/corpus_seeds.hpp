#pragma once

#include <string>
#include <vector>

namespace millrace::fuzz {

struct corpus_seed {
  std::string target;
  std::string bytes;
};

/// Good bytes of formats that no text editor makes, as the encoders of today
/// make them: what a fuzzer begins with.
[[nodiscard]] std::vector<corpus_seed> seeds_of_encoders();

} // namespace millrace::fuzz
