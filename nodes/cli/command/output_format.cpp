#include <millrace/nodes/cli/command/output_format.hpp>

namespace millrace::nodes {

void declare_output(option_list& list, output_format& output) {
  list
    .choice<output_format>(
      "-o,--output", output,
      {{"table", output_format::table}, {"json", output_format::json}},
      "table (default) or json")
    .shown_as("FORMAT");
}

void declare_output_or_csv(option_list& list, output_format& output) {
  list
    .choice<output_format>("-o,--output", output,
                           {{"table", output_format::table},
                            {"csv", output_format::csv},
                            {"json", output_format::json}},
                           "table (default), csv or json")
    .shown_as("FORMAT");
}

} // namespace millrace::nodes
