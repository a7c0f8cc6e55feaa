#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/declared_table.hpp>
#include <millrace/nodes/configuration/edited_text.hpp>
#include <millrace/nodes/configuration/read_table.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

struct read_declaration {
  table_config table;
  uint32_t line = 1; ///< Where its name stands.
};

/// As the file of `current` would be read, with its own lines.
result<read_declaration> read(const cluster_config& current,
                              const table_declaration& what) {
  const auto root = text::parse_toml(what.text, what.file);
  if (!root)
    return root.failure();
  text::toml_faults faults{what.file};
  text::toml_section at{*root, "", faults};
  cluster_config streams;
  streams.streams = current.streams;
  streams.period = current.period;
  std::optional<read_declaration> out;
  at.each("table", [&](text::toml_section& one) {
    auto table = read_table(one, faults, streams);
    const auto* name = one.find("name");
    if (out)
      one.fault("name", "is one table too many: add one at a time");
    else
      out = read_declaration{std::move(table), name ? name->line : one.line()};
  });
  for (const auto& entry : root->entries)
    if (entry.name != "table")
      at.refuse(entry.name,
                "only a [[table]] is added: write this in " + current.path);
  if (!out && faults.empty())
    at.fault("table", "is missing: write a [[table]]");
  if (auto fault = faults.to_error())
    return fault;
  return *std::move(out);
}

std::string place_of(const table_declaration& what, uint32_t line) {
  return what.file + ":" + std::to_string(line) + ":table.name: ";
}

std::string text_of(const column_schema& column) {
  return "'" + column.name + ":" + std::string{to_string(column.type)} + "'";
}

/// The first thing that differs, in words.
std::string difference(const table_config& there, const table_config& here) {
  if (there.stream != here.stream)
    return "it is of stream '" + there.stream + "' there, not of '"
           + here.stream + "'";
  const auto& old = there.schema.columns;
  const auto& fresh = here.schema.columns;
  for (size_t i = 0; i < std::max(old.size(), fresh.size()); ++i) {
    if (i >= old.size())
      return "column " + text_of(fresh[i]) + " is not there";
    if (i >= fresh.size())
      return "column " + text_of(old[i]) + " is only there";
    if (old[i].name != fresh[i].name || old[i].type != fresh[i].type)
      return "column " + std::to_string(i + 1) + " is " + text_of(old[i])
             + " there, not " + text_of(fresh[i]);
  }
  return "its 'version', 'time', 'symbol', 'roll_zone', 'roll_offset' or "
         "'stamp' is another one";
}

/// A table of this name is declared.
result<declared_table> compared(const cluster_config& current,
                                const table_declaration& what,
                                const read_declaration& read) {
  const auto& name = read.table.schema.name;
  const auto& there = *current.table(name);
  if (there != read.table)
    return error{errc::already_exists,
                 place_of(what, read.line) + "'" + name
                   + "' is declared otherwise in " + current.path + ": "
                   + difference(there, read.table)
                   + "; a table is changed there, and by 'millrace restart'"};
  for (const auto& rdb : what.rdbs)
    if (const auto* process = current.process(rdb);
        process == nullptr || !process->holds(name))
      return error{errc::already_exists,
                   place_of(what, read.line) + "'" + name
                     + "' is there already, and not in the tables of '" + rdb
                     + "': add it there in " + current.path
                     + ", and restart its node"};
  return declared_table{name, true, current};
}

} // namespace

result<declared_table> declare_table(const cluster_config& current,
                                     const table_declaration& what) {
  if (current.source.text.empty())
    return error{errc::unsupported,
                 "the configuration of cluster '" + current.name
                   + "' was made by a program: no table can be added to it"};
  const auto mine = read(current, what);
  if (!mine)
    return mine.failure();
  const auto& name = mine->table.schema.name;
  if (current.table(name) != nullptr)
    return compared(current, what, *mine);
  const auto root = text::parse_toml(current.source.text, current.path);
  if (!root)
    return root.failure();
  auto text = add_to_lists(current.source.text, *root, what.rdbs,
                           process_type::rdb, "tables", name);
  if (!text)
    return text.failure();
  if (!text->ends_with('\n'))
    *text += '\n';
  *text += '\n' + what.text;
  if (!text->ends_with('\n'))
    *text += '\n';
  const auto whole = parse_configuration(*text, current.path);
  if (!whole)
    return whole.failure();
  declared_table out{name, false, current};
  out.config.source.text = *std::move(text);
  out.config.tables.push_back(*whole->table(name));
  for (auto& process : out.config.processes)
    if (const auto* fresh = whole->process(process.name);
        fresh != nullptr && fresh->holds(name))
      process.tables.push_back(name);
  return out;
}

} // namespace millrace::nodes
