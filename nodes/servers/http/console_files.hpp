#pragma once

#include <millrace/nodes/servers/http/routes.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace millrace::nodes::http {

/// A file of the console, which is part of the program.
struct console_file {
  std::string_view name; ///< "console-1A2B3C4D.js.gz"
  std::string_view tag;  ///< Of these bytes alone, as ETag has it.
  std::string_view bytes;
};

/// All of them, made by the build from `console/built`.
[[nodiscard]] std::span<const console_file> console_files();

/// The console at "/" and below "/console/": a file by its name, and the page
/// for each of its screens, whose names have no dot. None: no such thing.
[[nodiscard]] std::optional<known_response>
console_page(const http_request& what);

} // namespace millrace::nodes::http
