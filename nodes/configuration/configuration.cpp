// lint: allow(length): one reader of all sections, which share their faults.
#include <millrace/feed/text/replay_speed.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/read_cluster_tls.hpp>
#include <millrace/nodes/configuration/read_place.hpp>
#include <millrace/nodes/configuration/read_port.hpp>
#include <millrace/nodes/configuration/read_queries.hpp>
#include <millrace/nodes/configuration/read_table.hpp>
#include <millrace/nodes/configuration/stream_publisher.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace millrace::nodes {

namespace {

using text::in_quotes;
using text::toml_faults;
using text::toml_kind;
using text::toml_section;
using text::toml_value;

constexpr std::array<std::string_view, 9> process_types{
  process_type::discovery, process_type::rt,   process_type::feed,
  process_type::rdb,       process_type::hdb,  process_type::gateway,
  process_type::kdb,       process_type::http, process_type::postgres};

constexpr int64_t most_ns = std::numeric_limits<int64_t>::max();
constexpr auto most_bytes
  = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

/// Reads the tables of one file into `config`; faults gather in `faults`.
class reader {
public:
  reader(const toml_value& root, const std::string& file, tables_in_file tables)
    : tables_{tables}, faults_{file}, root_{root, "", faults_} {
    std::error_code ignored;
    base_ = std::filesystem::absolute(file, ignored).parent_path();
    config_.path = file;
  }

  /// @param understood gets what was read in spite of faults; null: nobody
  /// wants it
  result<cluster_config> run(cluster_config* understood) {
    read_cluster();
    read_period();
    read_logging();
    read_feed();
    root_.each("stream", [this](toml_section& at) { read_stream(at); });
    root_.each("table", [this](toml_section& at) {
      config_.tables.push_back(read_table(at, faults_, config_));
    });
    root_.each("node", [this](toml_section& at) { read_node(at); });
    config_.queries = read_queries(root_, config_.path);
    root_.each("user", [this](toml_section& at) { read_user(at); });
    root_.each("process", [this](toml_section& at) { read_process(at); });
    root_.finish();
    check_streams();
    check_writers();
    check_hosts(config_, faults_);
    spread_query_timeout();
    if (config_.nodes.empty())
      root_.fault("node", "is missing: a cluster needs at least one [[node]]");
    if (auto fault = faults_.to_error()) {
      if (understood != nullptr)
        *understood = std::move(config_);
      return fault;
    }
    return std::move(config_);
  }

private:
  /// Calls `read` for the table `[key]`; an empty one stands for a missing one.
  template <class F>
  void one(toml_section& parent, const std::string& key, bool required,
           F&& read) {
    static const toml_value nothing;
    const auto* found = parent.find(key);
    const auto path = parent.path().empty() ? key : parent.path() + "." + key;
    if (!found && required)
      parent.fault(key, "is missing: write [" + path + "]");
    if (found && found->type != toml_kind::table) {
      parent.fault(key, "write it as [" + path + "]");
      return;
    }
    if (!found && required)
      return;
    toml_section at{found ? *found : nothing, path, faults_};
    read(at);
    at.finish();
  }

  std::string absolute(const std::string& path) const {
    auto out = (base_ / path).lexically_normal().string();
    while (out.size() > 1 && out.back() == '/')
      out.pop_back();
    return out;
  }

  /// The absolute path at `key`, or `fallback`.
  std::string path(toml_section& at, std::string_view key,
                   std::string fallback) {
    if (!at.has(key))
      return fallback;
    return absolute(at.required_text(key));
  }

  void read_cluster() {
    one(root_, "cluster", true, [this](toml_section& at) {
      config_.name = at.required_name("name");
      config_.data_directory = absolute(at.required_text("data"));
      const auto* variable = std::getenv("RT_LOG_PATH");
      config_.log_path = path(at, "log_path",
                              variable != nullptr && *variable != '\0'
                                ? absolute(variable)
                                : config_.data_directory + "/pub");
      config_.address = at.text("address", "127.0.0.1");
      check_cluster_address(at, config_.address);
      config_.tls = read_cluster_tls(at, base_);
      config_.users = at.texts("users");
      config_.passwords_path
        = path(at, "passwords",
               absolute(std::filesystem::path{config_.path}.filename().string()
                        + ".passwords"));
      own_types_ = at.texts("process_types");
      for (const auto& type : own_types_)
        if (std::count(process_types.begin(), process_types.end(), type) != 0)
          at.fault("process_types", in_quotes(type) + " is a built-in type");
    });
  }

  void read_period() {
    one(root_, "period", false, [this](toml_section& at) {
      auto& rule = config_.period.rule;
      rule.zone = read_zone(at, "zone", "UTC");
      const auto text = at.text("time", "00:00");
      if (const auto time = text::parse_time_of_day(text))
        rule.time_of_day_ns = *time;
      else
        at.fault("time",
                 in_quotes(text)
                   + " is not a time of day, as \"17:00\" or \"17:00:30\"");
      config_.period.clock = at.flag("clock", false);
      config_.period.grace_ns
        = at.duration("grace", 0, text::day_ns, config_.period.grace_ns);
    });
  }

  void read_logging() {
    one(root_, "logging", false, [this](toml_section& at) {
      config_.logging.json = at.choice("format", {"text", "json"}, false) == 1;
      static const std::vector<std::string_view> levels{"INF", "ERR", "WARN",
                                                        "DBG"};
      config_.logging.level = levels[at.choice("level", levels, false)];
    });
  }

  void read_feed() {
    one(root_, "feed", false, [this](toml_section& feed) {
      one(feed, "layouts", false, [this, &feed](toml_section& at) {
        const auto* all = feed.find("layouts");
        if (!all)
          return;
        for (const auto& [name, value] : all->entries)
          if (auto path = at.required_text(name); !path.empty())
            config_.layouts[name] = absolute(path);
      });
    });
  }

  template <class T>
  void check_unique(toml_section& at, const std::vector<T>& all,
                    const std::string& name) {
    if (!name.empty()
        && std::any_of(all.begin(), all.end(),
                       [&](const T& other) { return other.name == name; }))
      at.fault("name", in_quotes(name) + " appears twice");
  }

  void read_stream(toml_section& at) {
    stream_config out;
    out.name = at.required_name("name");
    check_unique(at, config_.streams, out.name);
    out.publisher = at.text("publisher", "");
    refuse_keys_of_rts(at, out.publisher);
    for (const auto* gone : {"batch_time", "batch_size"})
      at.refuse(gone, "nothing reads it any more: delete the line");
    out.mode = at.choice("mode", {"synced", "cached"}, false) == 1
                 ? stream_mode::cached
                 : stream_mode::synced;
    out.roll_bytes
      = at.bytes("roll_size", 64u << 10, uint64_t{1} << 30, out.roll_bytes);
    out.ids = at.choice("id_policy", {"strict", "monotonic"}, false) == 1
                ? id_policy::monotonic
                : id_policy::strict;
    out.retention_age_ns
      = at.duration("retention_age", 1'000'000'000, 36'500 * text::day_ns, 0);
    out.retention_bytes = at.bytes("retention_size", 1, most_bytes, 0);
    out.retention_disk_percent
      = static_cast<uint32_t>(at.integer("retention_disk", 1, 99, 0));
    out.gc_grace_ns = at.duration("gc_grace", 1'000'000'000,
                                  36'500 * text::day_ns, out.gc_grace_ns);
    out.gc_disk_percent = static_cast<uint32_t>(
      at.integer("gc_disk", 1, 99, out.gc_disk_percent));
    out.slow_sync_ns = at.duration("slow_sync", 10'000'000, 3'600'000'000'000,
                                   out.slow_sync_ns);
    out.participants = at.texts("participants");
    if (std::count(out.participants.begin(), out.participants.end(), "") != 0)
      at.fault("participants", "an origin is not empty");
    out.replicated_origins = at.texts("replicated_origins");
    if (std::count(out.replicated_origins.begin(), out.replicated_origins.end(),
                   "")
        != 0)
      at.fault("replicated_origins", "an origin is not empty");
    config_.streams.push_back(std::move(out));
  }

  void read_node(toml_section& at) {
    node_config out;
    out.name = at.required_name("name");
    check_unique(at, config_.nodes, out.name);
    read_place(at, config_, out);
    config_.nodes.push_back(std::move(out));
  }

  void read_user(toml_section& at) {
    user_config out;
    out.name = at.required_name("name");
    check_unique(at, config_.logins, out.name);
    auto& grants = out.grants;
    grants.query = at.texts("query");
    grants.publish = at.texts("publish");
    grants.subscribe = at.texts("subscribe");
    grants.admin = at.flag("admin", false);
    for (const auto& [key, patterns] : {std::pair{"query", &grants.query},
                                        {"publish", &grants.publish},
                                        {"subscribe", &grants.subscribe}})
      for (const auto& pattern : *patterns)
        if (std::none_of(config_.tables.begin(), config_.tables.end(),
                         [&, &p = pattern](const auto& table) {
                           return matches(p, table.schema.name);
                         }))
          at.fault(key, in_quotes(pattern) + " is not the name of a [[table]]");
    auto& limits = grants.limits;
    limits.connections_max
      = static_cast<uint64_t>(at.integer("connections_max", 1, 10'000, 0));
    limits.rate_max
      = static_cast<uint64_t>(at.integer("rate_max", 1, 1'000'000, 0));
    limits.rows_max
      = static_cast<uint64_t>(at.integer("rows_max", 1, most_ns, 0));
    limits.memory_max_bytes = at.bytes("memory_max", 1, most_bytes, 0);
    constexpr std::array priorities{question_priority::normal,
                                    question_priority::low,
                                    question_priority::high};
    limits.priority
      = priorities.at(at.choice("priority", {"normal", "low", "high"}, false));
    config_.logins.push_back(std::move(out));
  }

  void read_process(toml_section& at) {
    process_config out;
    out.name = at.required_name("name");
    check_unique(at, config_.processes, out.name);
    out.type = type_of(at);
    if (at.has("node")) {
      out.node = at.required_text("node");
      auto node
        = std::find_if(config_.nodes.begin(), config_.nodes.end(),
                       [&](const auto& x) { return x.name == out.node; });
      if (node != config_.nodes.end())
        node->processes.push_back(out.name);
      else if (!out.node.empty())
        at.fault("node", in_quotes(out.node) + " is not a [[node]]"
                           + near(out.node, config_.nodes));
    }
    // Of a type that there is not, no other key is right or wrong.
    if (out.type.empty()) {
      untyped_ = true;
      return at.pass_over();
    }
    if (const auto* type = at.find("type"))
      out.type_line = type->line;
    if (out.type == process_type::rt)
      read_rt(at, out);
    else if (out.type == process_type::rdb)
      read_rdb(at, out);
    else if (out.type == process_type::hdb)
      read_hdb(at, out);
    else if (out.type == process_type::gateway)
      read_gateway(at, out);
    else if (out.type == process_type::feed)
      read_feed_process(at, out);
    else if (out.type == process_type::kdb || out.type == process_type::http
             || out.type == process_type::postgres)
      read_port(at, config_, base_, out);
    else if (out.type != process_type::discovery)
      read_own(at, out);
    if (out.type != process_type::hdb && out.type != process_type::gateway
        && std::count(process_types.begin(), process_types.end(), out.type)
             != 0)
      at.refuse("load", "an hdb loads the directory that it serves, a gateway "
                        "files of queries, and a type of 'process_types' the "
                        "libraries that register it; others load nothing");
    config_.processes.push_back(std::move(out));
  }

  /// "; did you mean 'gw1'?", of what is declared.
  template <class Named>
  static std::string near(std::string_view name,
                          const std::vector<Named>& declared) {
    std::vector<std::string> names;
    for (const auto& each : declared)
      names.push_back(each.name);
    return text::meant(name, names);
  }
  [[nodiscard]] std::string near_table(std::string_view name) const {
    std::vector<std::string> names;
    for (const auto& each : config_.tables)
      names.push_back(each.schema.name);
    return text::meant(name, names);
  }

  /// A program that starts no process need not know what others register: it
  /// is enough that the file declares it.
  std::string type_of(toml_section& at) {
    std::vector<std::string_view> known{process_types.begin(),
                                        process_types.end()};
    known.insert(known.end(), own_types_.begin(), own_types_.end());
    const auto choice = at.choice("type", known, true);
    const auto* written = at.find("type");
    const bool is_known = written && written->text == known[choice];
    return is_known ? std::string{known[choice]} : std::string{};
  }

  void read_own(toml_section& at, process_config& out) {
    if (const auto* load = at.find("load"))
      out.load_line = load->line;
    for (const auto& path : at.texts("load"))
      if (path.ends_with(".so"))
        out.libraries.push_back(absolute(path));
      else
        at.fault("load", in_quotes(path)
                           + " is not a shared library: its name does not end "
                             "with \".so\"");
    read_settings(at, out);
  }

  /// Of a type that is not ours: texts, for its program to understand.
  void read_settings(toml_section& at, process_config& out) {
    const auto* found = at.find("settings");
    if (found == nullptr)
      return;
    if (found->type != toml_kind::table)
      return at.fault("settings", "write it as [process.settings]");
    toml_section inner{*found, "process.settings", faults_};
    for (const auto& entry : found->entries)
      out.settings[entry.name] = inner.text(entry.name, "");
  }

  static file_line line_of(toml_section& at, std::string_view key) {
    const auto* value = at.find(key);
    return {value ? value->line : 0};
  }

  std::string default_hdb() const { return config_.data_directory + "/hdb"; }

  void read_rt(toml_section& at, process_config& out) {
    out.streams = at.texts("streams");
    for (const auto& name : out.streams)
      if (!config_.stream(name))
        at.fault("streams", in_quotes(name) + " is not a [[stream]]"
                              + near(name, config_.streams));
    for (const auto& stream : config_.streams) {
      const bool named
        = std::count(out.streams.begin(), out.streams.end(), stream.name) != 0;
      if (named && !stream.publisher.empty())
        at.fault("streams", "stream " + in_quotes(stream.name)
                              + " is published by "
                              + in_quotes(stream.publisher)
                              + ", and no rt orders it: delete one of both");
      if (!at.has("streams") && stream.publisher.empty())
        out.streams.push_back(stream.name);
    }
    if (out.streams.empty())
      at.fault("streams", "orders no stream");
    for (const auto& other : config_.processes)
      for (const auto& name : other.streams)
        if (!out.node.empty() && other.node == out.node
            && std::count(out.streams.begin(), out.streams.end(), name) != 0)
          at.fault("streams", "stream " + in_quotes(name) + " is ordered by "
                                + in_quotes(other.name) + " of the same node");
  }

  void read_rdb(toml_section& at, process_config& out) {
    out.tables = at.texts("tables");
    for (const auto& name : out.tables)
      if (!config_.table(name))
        at.fault("tables",
                 in_quotes(name) + " is not a [[table]]" + near_table(name));
    // The end of a period, which an rdb goes by, is that of an rt.
    const auto is_ordered = [this](const table_config& table) {
      const auto* stream = config_.stream(table.stream);
      return stream == nullptr || stream->publisher.empty();
    };
    for (const auto& table : config_.tables) {
      const bool named
        = std::count(out.tables.begin(), out.tables.end(), table.schema.name)
          != 0;
      if (named && !is_ordered(table))
        at.fault("tables", "table " + in_quotes(table.schema.name)
                             + " is of stream " + in_quotes(table.stream)
                             + ", which no rt orders: an rdb writes periods "
                               "down, and only rts end them");
      if (!at.has("tables") && is_ordered(table))
        out.tables.push_back(table.schema.name);
    }
    if (out.tables.empty()
        && (at.has("tables") || tables_ == tables_in_file::needed))
      at.fault("tables",
               at.has("tables")
                 ? "holds no table"
                 : "the file has no [[table]] that it could hold: 'millrace "
                   "layout FILE --print-table' proposes one");
    at.refuse("symbols", "an rdb holds all symbols of its tables: delete the "
                         "line");
    out.write_down = at.flag("write_down", true);
    out.hdb_directory = path(at, "hdb", default_hdb());
    out.hdb_line = line_of(at, "hdb");
    out.memory_max_bytes = at.bytes("memory_max", 0, most_bytes, 0);
    out.query_memory_max_bytes
      = at.bytes("query_memory_max", 0, most_bytes, out.query_memory_max_bytes);
    out.queries_memory_max_bytes = at.bytes("queries_memory_max", 0, most_bytes,
                                            twice(out.query_memory_max_bytes));
  }

  /// Of all queries, twice what one may hold, where the file does not say.
  static uint64_t twice(uint64_t of_one) {
    return std::min(2 * of_one, most_bytes);
  }

  void read_hdb(toml_section& at, process_config& out) {
    out.hdb_directory = path(at, "hdb", default_hdb());
    out.hdb_line = line_of(at, "hdb");
    if (const auto* load = at.find("load")) {
      out.load_line = load->line;
      const auto named = at.texts("load");
      if (named.size() == 1)
        out.hdb_directory = absolute(named.front());
      else
        at.fault("load", "an hdb serves one directory: name that");
      if (at.has("hdb"))
        at.fault("load", "'hdb' names the directory as well: delete one of "
                         "them");
    }
    out.query_memory_max_bytes
      = at.bytes("query_memory_max", 0, most_bytes, out.query_memory_max_bytes);
    out.queries_memory_max_bytes = at.bytes("queries_memory_max", 0, most_bytes,
                                            twice(out.query_memory_max_bytes));
  }

  void read_gateway(toml_section& at, process_config& out) {
    if (const auto* load = at.find("load"))
      out.load_line = load->line;
    for (const auto& path : at.texts("load"))
      out.query_files.push_back(absolute(path));
    out.query_timeout_ns = at.duration("query_timeout", 1'000'000, text::day_ns,
                                       out.query_timeout_ns);
    out.memory_max_bytes
      = at.bytes("memory_max", 0, most_bytes, uint64_t{1} << 30);
    out.queries_memory_max_bytes = at.bytes("queries_memory_max", 0, most_bytes,
                                            twice(out.memory_max_bytes));
    out.result_rows_max = static_cast<uint64_t>(at.integer(
      "rows_max", 0, most_ns, static_cast<int64_t>(out.result_rows_max)));
  }

  std::string feed_table(toml_section& at, std::string_view key,
                         bool required) {
    auto name = required ? at.required_text(key) : at.text(key, "");
    if (!name.empty() && !config_.table(name))
      at.fault(key, in_quotes(name) + " is not a [[table]]" + near_table(name));
    return name;
  }

  void read_feed_process(toml_section& at, process_config& out) {
    // Its publisher's directory is `<name>.<stream>`.
    if (out.name.find('.') != out.name.npos)
      at.fault("name", in_quotes(out.name)
                         + " has a '.'; a feed of this name could be one of "
                           "another stream");
    if (at.has("generator")) {
      one(at, "generator", false,
          [&](toml_section& inner) { read_generator(inner, out.generator); });
      if (at.has("files"))
        at.fault("files", "a feed has either files or a generator");
      return;
    }
    out.layout = at.required_text("layout");
    out.layout_line = line_of(at, "layout");
    out.files_line = line_of(at, "files");
    out.table = feed_table(at, "table", true);
    out.symbol = at.text("symbol", "");
    if (at.has("date")) {
      const auto date = text::parse_date(at.text("date", ""));
      if (date)
        out.date = *date;
      else
        at.fault("date", date.failure().context);
    }
    const auto speed = feed::parse_speed(at.text("speed", "max"));
    if (speed)
      out.speed = speed->factor;
    else
      at.fault("speed", speed.failure().context);
    for (const auto& file : at.texts("files"))
      out.files.push_back(absolute(file));
    if (out.files.empty())
      at.fault("files", "a feed needs files, or a [process.generator]");
  }

  void read_generator(toml_section& at, generator_config& out) {
    out.on = true;
    out.seed = static_cast<uint64_t>(at.integer("seed", 0, most_ns, 42));
    out.symbol_count
      = static_cast<uint32_t>(at.integer("symbols", 1, 10'000'000, 100));
    out.periods = static_cast<uint32_t>(at.integer("periods", 1, 100'000, 1));
    out.trades_per_period
      = static_cast<uint64_t>(at.integer("trades", 0, most_ns, 100'000));
    out.quotes_per_period
      = static_cast<uint64_t>(at.integer("quotes", 0, most_ns, 500'000));
    out.trade_table = feed_table(at, "trade_table", false);
    out.quote_table = feed_table(at, "quote_table", false);
    if (out.trade_table.empty() && out.quote_table.empty())
      at.fault("trade_table", "a generator needs trade_table or quote_table");
  }

  /// Reports a fault at the element of `[[key]]` that has this name.
  void fault_at(const std::string& key, const std::string& name,
                const std::string& path, const std::string& reason) {
    const auto* all = root_.find(key);
    for (const auto& item : all->items)
      for (const auto& [field, value] : item.entries)
        if (field == "name" && value.text == name) {
          faults_.add(value, path, reason);
          return;
        }
  }

  void check_streams() {
    for (const auto& stream : config_.streams) {
      for (const auto& each : faults_of_publisher(config_, stream))
        fault_at(each.key, each.name, each.path, each.reason);
      const auto members = config_.members_of(stream.name);
      // One whose type is not known may be its rt.
      if (!stream.publisher.empty() || untyped_)
        continue;
      if (members.empty())
        fault_at("stream", stream.name, "stream.name",
                 "no [[process]] of type rt orders stream "
                   + in_quotes(stream.name) + ", and no 'publisher' serves it");
      else if (members.size() % 2 == 0 || members.size() > 5)
        fault_at("process", members.back()->name, "process.streams",
                 "stream " + in_quotes(stream.name) + " is ordered by "
                   + std::to_string(members.size())
                   + " rt processes; a group has 1, 3 or 5");
    }
  }

  /// Two writers of one table in one directory would fight over partitions.
  void check_writers() {
    std::map<std::pair<std::string, std::string>, std::string> writers;
    for (const auto& process : config_.processes) {
      if (process.type != process_type::rdb || !process.write_down)
        continue;
      for (const auto& table : process.tables) {
        const auto [at, fresh]
          = writers.try_emplace({process.hdb_directory, table}, process.name);
        if (!fresh)
          fault_at("process", process.name, "process.write_down",
                   in_quotes(at->second) + " writes table " + in_quotes(table)
                     + " to " + process.hdb_directory
                     + " already; a replica needs write_down = false");
      }
    }
  }

  /// Back ends keep what the longest query of any gateway may still want.
  void spread_query_timeout() {
    const auto longest = config_.query_timeout_ns();
    if (longest == 0)
      return;
    for (auto& process : config_.processes)
      if (process.type == process_type::rdb
          || process.type == process_type::hdb)
        process.query_timeout_ns = longest;
  }

  cluster_config config_;
  tables_in_file tables_;
  /// Types of processes that programs of this cluster register.
  std::vector<std::string> own_types_;
  bool untyped_ = false; ///< A process has a type that there is not.
  toml_faults faults_;
  toml_section root_;
  std::filesystem::path base_;
};

result<cluster_config> parse(std::string_view text, const std::string& file,
                             tables_in_file tables,
                             cluster_config* understood) {
  auto root = text::parse_toml(text, file);
  if (!root)
    return root.failure();
  auto out = reader{*root, file, tables}.run(understood);
  if (out)
    out->source.text = text;
  return out;
}

} // namespace

result<cluster_config> parse_configuration(std::string_view text,
                                           const std::string& file,
                                           tables_in_file tables) {
  return parse(text, file, tables, nullptr);
}

result<cluster_config> parse_configuration(std::string_view text,
                                           const std::string& file,
                                           cluster_config& understood) {
  return parse(text, file, tables_in_file::needed, &understood);
}

} // namespace millrace::nodes
