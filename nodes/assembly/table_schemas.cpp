#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace millrace::nodes {

namespace {

using persistence::hdb_manifest;

constexpr uint64_t noted_bytes_max = 1u << 20;

/// What an rdb took the rows of a table for when it started last.
std::string noted_path(const cluster_config& config, const std::string& process,
                       const std::string& table) {
  return config.data_directory + "/schemas/" + process + "/" + table;
}

/// @param damage becomes why what is there is no note
result<std::optional<table_schema>> read_noted(persistence::file_system& fs,
                                               const std::string& path,
                                               error& damage) {
  const auto bytes = persistence::read_own_file(fs, path, noted_bytes_max);
  if (!bytes) {
    // What only needs its owner's leave is as good as it was.
    if (bytes.failure().code == errc::permission)
      return bytes.failure();
    if (bytes.failure().code != errc::not_found)
      damage = bytes.failure();
    return std::optional<table_schema>{};
  }
  auto schema = decode_table_schema(bytes->data(), bytes->size());
  if (schema)
    return std::optional{*std::move(schema)};
  damage = {errc::corrupt, path + ": " + schema.failure().context};
  return std::optional<table_schema>{};
}

/// None: nothing was written there yet.
result<std::optional<hdb_manifest>> read_manifest(persistence::file_system& fs,
                                                  const process_config& rdb) {
  if (rdb.hdb_directory.empty())
    return std::optional<hdb_manifest>{};
  auto manifest = persistence::read_hdb_manifest(fs, rdb.hdb_directory);
  if (manifest)
    return std::optional{*std::move(manifest)};
  // A damaged one is for the rdb to tell.
  return std::optional<hdb_manifest>{};
}

/// Where the file declares the column that `next` has changed, or the table.
uint32_t line_of(const table_config& table, const table_schema& before) {
  const auto& columns = table.schema.columns;
  for (size_t i = 0; i < columns.size() && i < table.column_lines.size(); ++i)
    if (const auto at = before.column_index(columns[i].name);
        at && !persistence::widens(before.columns[*at].type, columns[i].type))
      return table.column_lines[i].line;
  return table.column_lines.empty() ? 0 : table.column_lines.front().line;
}

/// One table of an rdb, and what is known of its rows.
struct table_history {
  const table_config* table = nullptr;
  std::optional<table_schema> written; ///< The newest in the hdb.
  std::optional<table_schema> noted;   ///< Of the rows since.
  error damage; ///< Why `noted` is not known, though it was noted.
};

result<table_history> history_of(persistence::file_system& fs,
                                 const cluster_config& config,
                                 const process_config& rdb,
                                 const std::optional<hdb_manifest>& manifest,
                                 const std::string& table) {
  table_history out{config.table(table), {}, {}, {}};
  if (manifest)
    if (const auto* newest = manifest->newest_schema(table))
      out.written = *newest;
  auto noted = read_noted(fs, noted_path(config, rdb.name, table), out.damage);
  if (!noted)
    return noted.failure();
  out.noted = *std::move(noted);
  return out;
}

error fault_of(const cluster_config& config, const process_config& rdb,
               const table_history& rows) {
  const auto line = [&](const table_schema& before, const error& why,
                        const std::string& where) {
    return error{errc::config, config.path + ":"
                                 + std::to_string(line_of(*rows.table, before))
                                 + ":table.columns: " + why.context + ": "
                                 + where};
  };
  const auto& declared = rows.table->schema;
  if (rows.written)
    if (const auto why = persistence::check_evolution(*rows.written, declared))
      return line(*rows.written, why,
                  "rows of it are in the hdb " + rdb.hdb_directory);
  if (rows.noted)
    if (const auto why = persistence::check_evolution(*rows.noted, declared))
      return line(*rows.noted, why,
                  "'" + rdb.name
                    + "' has started with it before, and the stream may hold "
                      "such rows; when it holds none, remove "
                    + noted_path(config, rdb.name, declared.name));
  return {};
}

/// The version that `declared` has after `before`.
uint32_t version_after(const table_schema& declared,
                       const std::optional<table_schema>& before) {
  if (!before)
    return declared.version;
  auto same = declared;
  same.version = before->version;
  return same == *before ? before->version
                         : std::max(declared.version, before->version + 1);
}

/// Notes new schemas in the manifest, for those that read older rows.
error note_written(persistence::env& world, const process_config& rdb,
                   const std::vector<table_schema>& schemas) {
  auto writer = persistence::hdb_writer::open(world, rdb.hdb_directory);
  if (!writer)
    // While another writes there, the next end of a period notes them.
    return writer.failure().code == errc::locked ? error{} : writer.failure();
  return (*writer)->commit({}, schemas);
}

/// Sets aside a file where a directory of notes is wanted.
/// @param told gets a line of it
error make_room(persistence::file_system& fs, const std::string& directory,
                std::vector<std::string>& told) {
  const auto listed = fs.list(directory);
  if (listed || listed.failure().code != errc::not_found
      || !fs.exists(directory))
    return {};
  if (auto fault = persistence::set_aside(fs, directory))
    return fault;
  told.push_back(directory
                 + ": is a file where the directory of the tables' "
                   "notes is wanted; it is kept as "
                 + directory + std::string{persistence::aside_mark}
                 + "<n>, and the tables are noted anew");
  return {};
}

error note(persistence::file_system& fs, const std::string& path,
           const table_schema& schema, std::vector<std::string>& told) {
  const auto directory = path.substr(0, path.find_last_of('/'));
  for (const auto& each :
       {directory.substr(0, directory.find_last_of('/')), directory})
    if (auto fault = make_room(fs, each, told))
      return fault;
  if (auto fault = fs.create_directories(directory))
    return fault;
  return persistence::replace_own_file(fs, path, encode(schema),
                                       noted_bytes_max);
}

} // namespace

error check_tables(persistence::file_system& fs, const cluster_config& config,
                   const std::vector<std::string>& processes) {
  std::string lines;
  for (const auto& process_name : processes) {
    const auto* rdb = config.process(process_name);
    if (rdb == nullptr || rdb->type != process_type::rdb)
      continue;
    const auto manifest = read_manifest(fs, *rdb);
    if (!manifest)
      return manifest.failure();
    for (const auto& table : rdb->tables) {
      const auto rows = history_of(fs, config, *rdb, *manifest, table);
      if (!rows)
        return rows.failure();
      if (const auto fault = fault_of(config, *rdb, *rows))
        text::add_to_list(lines, fault.context, "\n");
    }
  }
  return lines.empty() ? error{} : error{errc::config, lines};
}

std::vector<std::string>
strayed_tables(persistence::file_system& fs, const cluster_config& config,
               const std::vector<std::string>& processes) {
  std::set<std::string> directories;
  for (const auto& name : processes)
    if (const auto* hdb = config.process(name);
        hdb != nullptr && hdb->type == process_type::hdb)
      directories.insert(hdb->hdb_directory);
  std::vector<std::string> out;
  for (const auto& directory : directories) {
    const auto manifest = persistence::read_hdb_manifest(fs, directory);
    if (!manifest)
      continue;
    std::map<std::string, table_schema> tables;
    for (auto& table : tables_at(config, directory))
      tables.emplace(table.name, std::move(table));
    for (auto& [table, what] :
         persistence::strayed_rows(directory, *manifest, tables))
      out.push_back(std::move(what));
  }
  return out;
}

result<table_schema> settle_loaded(persistence::file_system& fs,
                                   const cluster_config& config,
                                   const std::string& hdb_directory,
                                   const std::string& table) {
  const auto declared = configured_table(config, table);
  if (!declared)
    return declared.failure();
  table_history rows{*declared, {}, {}, {}};
  process_config hdb;
  hdb.hdb_directory = hdb_directory;
  const auto manifest = persistence::read_hdb_manifest(fs, hdb_directory);
  if (!manifest && manifest.failure().code != errc::not_found)
    return manifest.failure();
  if (manifest)
    if (const auto* newest = manifest->newest_schema(table))
      rows.written = *newest;
  if (auto fault = fault_of(config, hdb, rows))
    return fault;
  auto out = rows.table->schema;
  out.version = version_after(out, rows.written);
  return out;
}

result<settled_tables> settle_tables(persistence::env& world,
                                     const cluster_config& config,
                                     const process_config& rdb) {
  const auto manifest = read_manifest(*world.fs, rdb);
  if (!manifest)
    return manifest.failure();
  settled_tables out;
  std::vector<table_schema> fresh;
  for (const auto& table : rdb.tables) {
    const auto rows = history_of(*world.fs, config, rdb, *manifest, table);
    if (!rows)
      return rows.failure();
    if (auto fault = fault_of(config, rdb, *rows))
      return fault;
    auto& schema = out.tables.emplace_back(rows->table->schema);
    schema.version = std::max(version_after(schema, rows->written),
                              version_after(schema, rows->noted));
    if (rows->written && *rows->written != schema)
      fresh.push_back(schema);
    if (rows->damage) {
      const auto path = noted_path(config, rdb.name, table);
      if (auto fault = persistence::set_aside(*world.fs, path))
        return fault;
      out.rebuilt.push_back(
        rows->damage.context + "; it is kept as " + path
        + std::string{persistence::aside_mark} + "<n>, and noted anew as "
        + (rows->written ? "manifest and configuration have it"
                         : "the configuration has it")
        + ": rows in the stream that do not fit that are in 'millrace "
          "rejects'");
    }
    if (rows->noted != schema)
      if (auto fault = note(*world.fs, noted_path(config, rdb.name, table),
                            schema, out.rebuilt))
        return fault;
  }
  if (!fresh.empty() && rdb.write_down)
    if (auto fault = note_written(world, rdb, fresh))
      return fault;
  return out;
}

bool is_served(const cluster_config& config, const std::string& directory) {
  return std::any_of(
    config.processes.begin(), config.processes.end(), [&](const auto& each) {
      return each.type == process_type::hdb && each.hdb_directory == directory;
    });
}

std::map<std::string, std::string> unserved_rows(persistence::file_system& fs,
                                                 const cluster_config& config,
                                                 const process_config& rdb) {
  std::map<std::string, std::string> out;
  if (rdb.hdb_directory.empty() || is_served(config, rdb.hdb_directory))
    return out;
  const auto manifest = persistence::read_hdb_manifest(fs, rdb.hdb_directory);
  if (!manifest)
    return out; // There are none, or the rdb tells of the damage.
  std::map<std::string, uint64_t> rows;
  const auto stream = config.stream_of(rdb);
  for (const auto& part : manifest->parts)
    if (part.stream != stream && !persistence::is_ledger_entry(part))
      rows[part.table] += part.row_count;
  for (const auto& [table, count] : rows)
    if (count != 0)
      out[table] = std::to_string(count) + " rows of table '" + table + "' in "
                   + rdb.hdb_directory
                   + " are in no answer: no hdb of the configuration serves it";
  return out;
}

std::string not_served(const cluster_config& config,
                       const process_config& rdb) {
  if (rdb.type != process_type::rdb || !rdb.write_down
      || rdb.hdb_directory.empty() || is_served(config, rdb.hdb_directory))
    return {};
  return "no hdb of the configuration serves " + rdb.hdb_directory
         + ": what is written down there cannot be asked for, and its rows "
           "stay in memory";
}

} // namespace millrace::nodes
