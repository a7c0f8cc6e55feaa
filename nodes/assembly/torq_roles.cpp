#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/actors/torq/hdb/hdb.hpp>
#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/registry/discovery.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/load_queries.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>

#include <algorithm>
#include <set>

namespace millrace::nodes {

namespace {

template <class Handle>
hosted_process hosted(const Handle& handle, text::json_value attributes
                                            = text::json_value::object()) {
  return {
    caf::actor_cast<caf::strong_actor_ptr>(handle), std::move(attributes), {}};
}

std::function<void(const std::string&, const std::string&)>
warnings_of(process_host& host, const char* type, const std::string& process) {
  return
    [&host, type, process](const std::string& id, const std::string& text) {
      host.tell({notice::severity::warning, type, process, id, text});
    };
}

std::function<void(const std::string&, const std::string&)>
notes_of(process_host& host, const char* type, const std::string& process) {
  return
    [&host, type, process](const std::string& id, const std::string& text) {
      host.tell({notice::severity::info, type, process, id, text});
    };
}

/// Nothing is put into words that the log would not have.
std::function<void(const std::string&, const std::string&)>
details_of(process_host& host, const char* type, const std::string& process) {
  if (host.config().logging.level != "DBG")
    return {};
  return
    [&host, type, process](const std::string& id, const std::string& text) {
      host.tell({notice::severity::debug, type, process, id, text});
    };
}

/// Where each table of the configuration is to be found.
std::map<std::string, torq::gateway_settings::table>
tables_of(const cluster_config& config) {
  std::map<std::string, torq::gateway_settings::table> out;
  for (const auto& table : config.tables)
    out.emplace(table.schema.name, torq::gateway_table(news_of(config, table)));
  return out;
}

/// Directories that do not fit together: questions pass some rows over.
/// @param unserved see rdb_settings
void tell_strays(process_host& host, const process_config& rdb,
                 const std::map<std::string, std::string>& unserved) {
  const auto& config = host.config();
  const auto warn = [&](const std::string& id, const std::string& text) {
    host.tell({notice::severity::warning, "rdb", rdb.name, id, text});
  };
  for (const auto& table : rdb.tables)
    if (const auto home = config.home_of(table); home != rdb.hdb_directory)
      warn("not_asked", "questions about table '" + table + "' look in " + home
                          + ", where it is written and loaded, and not in "
                          + rdb.hdb_directory
                          + ": this rdb is not asked, and the hdb there only "
                            "where files of the other are damaged");
  if (const auto why = not_served(config, rdb); !why.empty())
    warn("not_served", why);
  for (const auto& [table, text] : unserved)
    warn("not_asked", text);
}

/// Those that are in the tables of no rdb, also of none that `spawn` starts.
std::set<std::string, std::less<>>
unheld_of(std::set<std::string, std::less<>> tables,
          const cluster_config& config) {
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb)
      for (const auto& table : process.tables)
        tables.erase(table);
  return tables;
}

} // namespace

result<hosted_process> start_discovery(process_host& host,
                                       const process_config&) {
  return hosted(host.spawn(torq::discovery, &host.env()));
}

result<hosted_process> start_rdb(process_host& host,
                                 const process_config& process) {
  const auto& config = host.config();
  torq::rdb_settings settings;
  settings.process = process.name;
  settings.stream = config.stream_of(process);
  auto tables = settle_tables(host.env(), config, process);
  if (!tables)
    return tables.failure();
  settings.tables = std::move(tables->tables);
  for (auto& each : tables->rebuilt)
    host.tell({notice::severity::warning, "rdb", process.name, "rebuilt",
               std::move(each)});
  for (const auto& table : config.tables)
    if (table.stream == settings.stream)
      settings.stream_tables.insert(table.schema.name);
  settings.unheld_tables = unheld_of(settings.stream_tables, config);
  for (const auto& table : settings.unheld_tables)
    host.tell({notice::severity::warning, "rdb", process.name, "unheld_table",
               "table '" + table + "' of stream '" + settings.stream
                 + "' is in the tables of no rdb: rows that the stream brings "
                   "of it are stored nowhere"});
  settings.reject_file = config.data_directory + "/rejects/" + process.name;
  settings.note_file = stream_note_file(config, process.name);
  settings.watch_file = config.data_directory + "/taken/" + process.name;
  settings.hdb_directory = process.hdb_directory;
  settings.write_down = process.write_down;
  settings.unserved = unserved_rows(*host.env().fs, config, process);
  settings.lost_beside
    = [&host, own = process.hdb_directory, name = process.name] {
        return lost_beside(*host.env().fs, host.config(), own, name);
      };
  settings.lacking_by_hand = [fs = host.env().fs, folder = marks_folder(config),
                              own = process.hdb_directory,
                              homes = home_of(config, process.hdb_directory)] {
    return gone_by_hand(*fs, folder, own, homes);
  };
  settings.memory_max_bytes = process.memory_max_bytes;
  settings.query_memory_max_bytes = process.query_memory_max_bytes;
  settings.queries_memory_max_bytes = process.queries_memory_max_bytes;
  settings.query_timeout_ns = process.query_timeout_ns;
  settings.on_stall = [&host, name = process.name](const std::string& reason) {
    if (reason.empty())
      host.tell({notice::severity::info, "rdb", name, "resumed",
                 "memory is free, applying goes on"});
    else
      host.tell({notice::severity::warning, "rdb", name, "stalled", reason});
  };
  settings.on_warning = warnings_of(host, "rdb", process.name);
  settings.on_note = notes_of(host, "rdb", process.name);
  auto rt = endpoints_of_stream(config, settings.stream);
  if (!rt)
    return rt.failure();
  settings.rt = *rt;
  tell_strays(host, process, settings.unserved);
  return hosted(host.spawn(torq::rdb, &host.env(), settings, host.connector(),
                           host.registrar()),
                rdb_attributes(config, process));
}

/// @param why it cannot be read; no error: it can be again
void tell_of_manifest(process_host& host, const std::string& process,
                      const error& why) {
  const auto tell
    = [&](notice::severity level, const char* id, std::string text) {
        host.tell({level, "hdb", process, id, std::move(text)});
      };
  if (!why)
    tell(notice::severity::info, "mended", "the manifest can be read again");
  else if (why.code == errc::permission)
    tell(notice::severity::error, "refused",
         to_string(why)
           + "; nothing is damaged: it goes on by itself once the "
             "file can be read");
  else
    tell(notice::severity::error, "damaged",
         to_string(why) + "; bring it back from a replica or a backup");
}

result<hosted_process> start_hdb(process_host& host,
                                 const process_config& process) {
  const auto& config = host.config();
  torq::hdb_settings settings;
  settings.process = process.name;
  settings.directory = process.hdb_directory;
  settings.query_memory_max_bytes = process.query_memory_max_bytes;
  settings.queries_memory_max_bytes = process.queries_memory_max_bytes;
  settings.query_timeout_ns = process.query_timeout_ns;
  for (const auto& table : config.tables) {
    settings.streams[table.schema.name] = table.stream;
    settings.tables[table.schema.name] = table.schema;
  }
  settings.on_damage = [&host, name = process.name](const error& why) {
    tell_of_manifest(host, name, why);
  };
  settings.on_undeclared
    = [&host, name = process.name,
       hdb = settings.directory](const std::string& table, uint64_t rows) {
        host.tell(
          {notice::severity::warning, "hdb", name, "undeclared",
           hdb + " holds " + std::to_string(rows) + " rows of table '" + table
             + "', which the configuration does not declare: no question "
               "reaches them"});
      };
  settings.on_outgrown = [&host, name = process.name, hdb = settings.directory](
                           const std::string& table, const std::string& why) {
    host.tell({notice::severity::warning, "hdb", name, "outgrown",
               hdb + " has partitions of a later declaration of table '" + table
                 + "' than this node was started with (" + why
                 + "): 'millrace restart' with the new configuration"});
  };
  settings.on_damaged_file
    = [&host, name = process.name,
       hdb = settings.directory](const std::string& reason) {
        host.tell({notice::severity::error, "hdb", name, "damaged_file",
                   reason + ": queries that need it fail; 'millrace hdb check "
                     + hdb
                     + "' finds all; bring it back from a replica or a "
                       "backup"});
      };
  settings.mark_file = marks_folder(config) + "/" + process.name;
  settings.home_of = home_of(config, settings.directory);
  const auto warn = warnings_of(host, "hdb", process.name);
  settings.on_warning = warn;
  auto index
    = host.open_hdb_index(config.data_directory + "/hdb-index/" + process.name);
  // It only saves work: without it, queries look at every part.
  if (!index)
    warn("no_index", "cannot be opened, and is done without: "
                       + to_string(index.failure()));
  else if (*index && !(*index)->begun_anew().empty())
    warn("index_rebuilt",
         "cannot be read, and is made again: " + (*index)->begun_anew());
  std::shared_ptr<torq::hdb_index_slot> slot;
  if (index && *index)
    slot = std::make_shared<torq::hdb_index_slot>(*std::move(index));
  if (tables_at(config, process.hdb_directory).empty())
    warn("not_asked", "no table of the configuration is written or loaded to "
                        + process.hdb_directory
                        + ": questions come here only where files of a table's "
                          "own directory are damaged");
  return hosted(host.spawn(torq::hdb, &host.env(), settings, std::move(slot)),
                hdb_attributes(config, process));
}

result<hosted_process> start_gateway(process_host& host,
                                     const process_config& process) {
  torq::gateway_settings settings;
  settings.process = process.name;
  settings.query_timeout_ns = process.query_timeout_ns;
  settings.result_rows_max = process.result_rows_max;
  settings.result_bytes_max = process.memory_max_bytes;
  settings.queries_memory_max_bytes = process.queries_memory_max_bytes;
  settings.tables = tables_of(host.config());
  for (const auto& each : host.config().processes)
    if (each.type == process_type::hdb)
      settings.hdbs.emplace(each.name, each.hdb_directory);
  auto queries = load_queries(*host.env().fs, host.config());
  if (!queries)
    return queries.failure();
  settings.queries = *std::move(queries);
  settings.on_warning = warnings_of(host, "gateway", process.name);
  for (const auto& [table, what] : settings.tables)
    if (!what.in_rdb && what.warning.empty())
      settings.on_warning("unheld_table",
                          "no rdb holds table '" + table + "' in "
                            + what.home.directory
                            + ": of what its stream brings later nothing is in "
                              "an answer");
  settings.on_note = notes_of(host, "gateway", process.name);
  settings.on_detail = details_of(host, "gateway", process.name);
  for (const auto& stream : host.config().streams)
    if (auto nodes = endpoints_of_stream(host.config(), stream.name))
      settings.streams[stream.name] = *std::move(nodes);
  return hosted(host.spawn(torq::gateway, &host.env(), settings,
                           host.connector(), host.registrar()));
}

} // namespace millrace::nodes
