#pragma once

#include <millrace/messages/text/json_text.hpp>

#include <string>
#include <string_view>

namespace millrace::nodes {

/// A text as YAML has it in quotes, which is as JSON has it.
[[nodiscard]] inline std::string yaml_text(std::string_view text) {
  std::string out;
  text::append_json_string(out, text);
  return out;
}

} // namespace millrace::nodes
