#include <millrace/nodes/cli/line_format.hpp>

namespace millrace::nodes {

void declare_line_format(option_list& list, line_format& format) {
  list
    .choice<line_format>(
      "--format", format,
      {{"json", line_format::json}, {"csv", line_format::csv}},
      "json (default) or csv, one row per line")
    .shown_as("FORMAT");
}

} // namespace millrace::nodes
