#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::text {

enum class toml_kind { boolean, integer, text, array, table, other };

struct toml_entry;

/// One value of a TOML file and the place where it stands.
struct toml_value {
  toml_kind type = toml_kind::table;
  bool boolean = false;
  int64_t integer = 0;
  std::string text; ///< `other`: the name of its TOML type.
  std::vector<toml_value> items;
  /// Of a table, in the order of the file.
  std::vector<toml_entry> entries;
  uint32_t line = 1;
  uint32_t column = 1;
};

struct toml_entry {
  std::string name;
  toml_value value;
};

/// Parses TOML text. A fault of syntax is `config`, in the form
/// `<file>:<line>:<key>: <reason>`, where the key is the text of the line.
[[nodiscard]] result<toml_value> parse_toml(std::string_view text,
                                            const std::string& file);

} // namespace millrace::text
