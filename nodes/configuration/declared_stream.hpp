#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// What `[[stream]]` is to say; empty: the key is left out, and its default
/// holds.
struct stream_declaration {
  std::string name;
  std::string mode;
  std::string roll_size;
  std::string id_policy;
  std::string retention_age;
  std::string retention_size;
  /// The rt processes that are to order it. Those that name their streams get
  /// it added there; one that names none orders all of them.
  std::vector<std::string> processes;
};

/// The text of a configuration with one more stream, all else of it untouched.
/// `already_exists` when it has that one; `config` names what is wrong with the
/// text that would come out, by the lines of that.
[[nodiscard]] result<std::string>
declare_stream(const std::string& text, const std::string& file,
               const stream_declaration& what);

} // namespace millrace::nodes
