#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/head_text.hpp>
#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/layout.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace millrace::nodes {

namespace {

void declare(option_list& list, layout_options& into) {
  list
    .text("--table", into.table,
          "Name of the table; default: of the file or preset")
    .shown_as("NAME");
  list
    .text("--stream", into.stream,
          "Stream of the table that is printed (default market)")
    .shown_as("NAME");
  list.flag("--print-table", into.print_table,
            "Print the [[table]] for the cluster's configuration instead");
  list
    .text("--member", into.member,
          "Member of an archive: '*' stands for any text")
    .shown_as("PATTERN");
  const auto presets = feed::preset_names();
  list.text("--preset", into.preset, "Print this preset instead")
    .shown_as("NAME")
    .offers({presets.begin(), presets.end()});
  list.text("FILE", into.file, "What is to be fed; -: standard input");
  declare_output(list, into.output);
}

/// "2024-01-02_Trades.csv.gz" as trades.
std::string table_name(const std::string& path) {
  const auto begin = path.rfind('/') + 1;
  auto stem = path.substr(begin, path.find('.', begin) - begin);
  std::string out;
  for (const char c : stem)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      out += static_cast<char>(c | 0x20);
    else if (!out.empty() && out.back() != '_')
      out += '_';
  out.resize(std::min(out.size(), feed::guessed_name_bytes_max));
  while (out.ends_with('_'))
    out.pop_back();
  return out.empty() ? "trade" : out;
}

/// The [[table]] that it fills.
result<std::string> table_of(const std::string& preset, const std::string& name,
                             const std::string& stream) {
  const auto schema = feed::preset_schema(preset);
  if (!schema)
    return schema.failure();
  std::vector<std::string> columns;
  for (const auto& each : schema->columns)
    columns.push_back(each.name + ":" + std::string{to_string(each.type)});
  return feed::table_text(name.empty() ? schema->name : name, columns,
                          schema->time_column, schema->symbol_column,
                          schema->roll_zone, stream);
}

/// What is proposed, as TOML; what only a person can know.
int print(const layout_options& options, std::string_view layout,
          const std::string& table, const std::vector<std::string>& questions) {
  if (options.output == output_format::json) {
    const text::json_value out{
      {"layout", layout}, {"table", table}, {"questions", questions}};
    fmt::print("{}\n", out.dump(2));
    return exit_ok;
  }
  fmt::print("{}", options.print_table ? table : layout);
  for (const auto& each : questions)
    fmt::print(stderr, "{}: {}\n", options.file, each);
  return exit_ok;
}

int print_preset(const layout_options& options) {
  const auto& name = options.preset;
  const auto text = feed::preset_text(name);
  if (!text)
    return fail({errc::not_found, "'" + name + "' is not one of the presets "
                                    + feed::names_of_presets()
                                    + feed::meant_preset(name)});
  const auto table = table_of(name, options.table, options.stream);
  if (!table)
    return fail(table.failure());
  return print(options, text->starts_with('\n') ? text->substr(1) : *text,
               *table, {});
}

/// Empty: it is made from the file's name.
error check_table_name(const std::string& name) {
  if (name.empty())
    return {};
  table_schema table;
  table.name = name;
  table.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
  table.time_column = "time";
  table.symbol_column = "sym";
  return validate(table);
}

int run(const layout_options& options) {
  if (options.file.empty() != !options.preset.empty())
    return fail(
      {errc::invalid_argument, "layout needs either a file or --preset"});
  if (auto fault = check_table_name(options.table))
    return fail(fault);
  if (!options.preset.empty() && !options.member.empty())
    return fail({errc::invalid_argument, "--member is of files"});
  if (!options.preset.empty() && !options.table.empty() && !options.print_table)
    return fail({errc::invalid_argument,
                 "--table goes with --preset only beside --print-table"});
  if (!options.preset.empty())
    return print_preset(options);
  if (persistence::posix_file_system().list(options.file))
    return fail({errc::invalid_argument,
                 options.file
                   + ": is a directory; if kdb+ wrote it, 'millrace load --kdb "
                   + options.file + " --print-table' prints its tables"});
  // As `feed -` reads it.
  const bool is_input = options.file == "-";
  const auto head = feed::read_head(persistence::posix_file_system(),
                                    is_input ? "/dev/stdin" : options.file,
                                    {.member = options.member});
  if (!head)
    return fail(head.failure());
  const auto guess = feed::guess_layout(
    *head, options.table.empty() ? table_name(options.file) : options.table,
    options.stream);
  if (!guess) {
    auto fault = guess.failure();
    fault.context = options.file + ": " + fault.context;
    return fail(fault);
  }
  return print(options, guess->layout, guess->table, guess->questions);
}

} // namespace

const command<layout_options> layout_command{
  {"layout", "Propose a layout and a table for a file",
   "millrace layout examples/trades.csv > trades.toml\n"
   "  millrace layout examples/trades.csv --print-table >> cluster.toml"},
  declare,
  run};

} // namespace millrace::nodes
