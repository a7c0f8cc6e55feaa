#pragma once

#include <string>
#include <string_view>

namespace millrace::test_support {

/// `below` under the source tree, an absolute path. A function, so that only
/// one unit is compiled with a path of this checkout in its command line: the
/// others come out of a compiler cache that several checkouts share.
[[nodiscard]] std::string source_path(std::string_view below);

/// `below` under tests/data: golden bytes that never change.
[[nodiscard]] std::string data_path(std::string_view below);

} // namespace millrace::test_support
