#pragma once

#include <millrace/nodes/cli/command/output_format.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Prints a line and its end to standard output.
void print_line(const std::string& line);

/// Prints messages and events as they come: a line for each, or JSON.
class item_printer {
public:
  /// @param bytes_max of each payload are shown
  /// @param as_array JSON is one array; else an object per line
  item_printer(output_format output, uint32_t bytes_max, bool as_array);

  /// What `print` takes. @pre the item is not the end of the log
  [[nodiscard]] std::string
  text_of(const persistence::log_reader::item& item) const;
  void print(const std::string& text);
  /// After the last.
  void end();

private:
  bool json_;
  bool array_;
  uint32_t bytes_max_;
  bool first_ = true;
};

} // namespace millrace::nodes
