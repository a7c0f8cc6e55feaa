#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>

#include <algorithm>
#include <string_view>

namespace millrace::nodes {

namespace {

/// How one of these comes to live, when no node starts any.
std::string spawn_hint(const std::vector<const process_config*>& all) {
  std::string names;
  for (const auto* each : all) {
    if (!each->node.empty())
      return {};
    text::add_to_list(names, each->name);
  }
  return names.empty() ? names : "only 'millrace spawn' starts " + names;
}

bool is_port(std::string_view type) {
  return type == process_type::kdb || type == process_type::http
         || type == process_type::postgres;
}

int turn_of(const process_config& process) {
  if (process.type == process_type::rdb)
    return process.write_down ? 0 : 1;
  if (process.type == process_type::hdb)
    return 2;
  if (process.type == process_type::gateway)
    return 3;
  return 4;
}

} // namespace

std::vector<const process_config*> in_turn(const cluster_config& config) {
  std::vector<const process_config*> out;
  for (const auto& process : config.processes)
    out.push_back(&process);
  std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    return turn_of(*a) < turn_of(*b);
  });
  return out;
}

table_news news_of(const cluster_config& config, const table_config& table) {
  const auto& name = table.schema.name;
  table_news out;
  out.schema = table.schema;
  out.stream = table.stream;
  out.stamps = table.stamp;
  out.directory = config.home_of(name);
  bool stream_is_held = false;
  std::vector<const process_config*> hdbs;
  std::vector<const process_config*> rdbs;
  for (const auto& process : config.processes) {
    if (process.hdb_directory == out.directory) {
      if (process.type == process_type::hdb)
        hdbs.push_back(&process);
      else if (process.holds(name))
        rdbs.push_back(&process);
    }
    stream_is_held |= process.type == process_type::rdb
                      && config.stream_of(process) == table.stream;
  }
  out.in_hdb = !hdbs.empty();
  out.in_rdb = !rdbs.empty();
  out.hdb_hint = spawn_hint(hdbs);
  out.rdb_hint = spawn_hint(rdbs);
  if (!out.in_rdb && stream_is_held)
    out.warning = "table '" + name
                  + "' is in the tables of no rdb: rows that stream '"
                  + table.stream + "' brings of it are stored nowhere";
  return out;
}

std::optional<table_news> news_for(const cluster_config& config,
                                   const table_config& table,
                                   const process_config& process) {
  auto out = news_of(config, table);
  if (process.type == process_type::rdb) {
    if (config.stream_of(process) != table.stream)
      return std::nullopt;
    out.is_held = process.holds(table.schema.name);
    // For its stream any rdb counts, of whatever directory.
    out.in_rdb = std::any_of(
      config.processes.begin(), config.processes.end(),
      [&](const auto& each) { return each.holds(table.schema.name); });
    return out;
  }
  if (process.type == process_type::hdb || process.type == process_type::gateway
      || is_port(process.type))
    return out;
  return std::nullopt;
}

std::vector<table_schema> tables_at(const cluster_config& config,
                                    const std::string& directory) {
  std::vector<table_schema> out;
  for (const auto& table : config.tables)
    if (config.home_of(table.schema.name) == directory)
      out.push_back(table.schema);
  return out;
}

text::json_value rdb_attributes(const cluster_config& config,
                                const process_config& rdb) {
  std::vector<table_schema> held;
  for (const auto& table : rdb.tables)
    held.push_back(config.table(table)->schema);
  return {{"stream", config.stream_of(rdb)},
          {"tables", rdb.tables},
          {"hdb", rdb.hdb_directory},
          {"write_down", rdb.write_down},
          {"declares", torq::declarations_of(held)}};
}

text::json_value hdb_attributes(const cluster_config& config,
                                const process_config& hdb) {
  const auto served = tables_at(config, hdb.hdb_directory);
  auto names = text::json_value::array();
  for (const auto& table : served)
    names.add(table.name);
  return {{"hdb", hdb.hdb_directory},
          {"tables", std::move(names)},
          {"declares", torq::declarations_of(served)}};
}

text::json_value port_attributes(const cluster_config& config,
                                 const process_config& port) {
  text::json_value out{
    {"listens", config.address_of(port) + ":" + std::to_string(port.port)}};
  std::vector<table_schema> published;
  for (const auto& table : config.tables)
    if (std::find(port.published.begin(), port.published.end(), table.stream)
        != port.published.end())
      published.push_back(table.schema);
  if (!published.empty())
    out.add("declares", torq::declarations_of(published));
  return out;
}

text::json_value
feed_attributes(const std::vector<const table_config*>& filled) {
  std::vector<table_schema> schemas;
  auto names = text::json_value::array();
  for (const auto* table : filled) {
    schemas.push_back(table->schema);
    names.add(table->schema.name);
  }
  return {{"tables", std::move(names)},
          {"declares", torq::declarations_of(schemas)}};
}

text::json_value to_json(const table_declaration& what) {
  return {{"text", what.text}, {"file", what.file}, {"rdbs", what.rdbs}};
}

result<table_declaration> table_declaration_of(const text::json_value& what) {
  const auto* text = what.at("text").text();
  const auto* file = what.at("file").text();
  if (text == nullptr || file == nullptr)
    return error{errc::malformed_message, "a table comes without its text"};
  table_declaration out{*text, *file, {}};
  for (const auto& each : what.at("rdbs").elements())
    out.rdbs.push_back(each.text_or_empty());
  return out;
}

} // namespace millrace::nodes
