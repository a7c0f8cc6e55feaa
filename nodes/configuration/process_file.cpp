#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/configuration/process_file.hpp>
#include <millrace/persistence/disk/kdb_directory.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unistd.h>
#include <utility>

namespace millrace::nodes {

namespace {

const std::vector<std::string> known_fields{
  "host", "port", "proctype", "procname",     "U",      "localtime", "g",
  "T",    "w",    "load",     "startwithall", "extras", "qcmd"};

struct torq_type {
  std::string_view name;
  std::string_view ours; ///< Empty: we have none.
  const char* why;       ///< We have none.
};

constexpr const char* rdb_writes = "the rdb writes partitions itself";
constexpr const char* feeds_from_shell
  = "'millrace feed' or a [[process]] of type feed publishes";
constexpr torq_type torq_types[] = {
  {"discovery", process_type::discovery, ""},
  {"tickerplant", process_type::rt, ""},
  {"segmentedtickerplant", process_type::rt, ""},
  {"rdb", process_type::rdb, ""},
  {"hdb", process_type::hdb, ""},
  {"gateway", process_type::gateway, ""},
  {"wdb", "", rdb_writes},
  {"sort", "", rdb_writes},
  {"sortworker", "", rdb_writes},
  {"idb", "", "the gateway asks rdb and hdb at one cut"},
  {"chainedtp", "", "a slow subscriber of a stream slows no other"},
  {"segmentedchainedtickerplant", "",
   "a slow subscriber of a stream slows no other"},
  {"feed", "", feeds_from_shell},
  {"iexfeed", "", feeds_from_shell},
  {"housekeeping", "", "the retention of a stream lets its files go"},
  {"monitor", "", "'millrace status' and 'millrace top' tell"},
  {"kill", "", "'millrace stop' ends a process"},
  {"tickerlogreplay", "", "an rdb replays its stream by itself"},
};

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || stop != end)
    return std::nullopt;
  return value;
}

/// "/code/processes/rdb.q": the code of the type itself, in q.
std::string stem_of(const std::string& path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.rfind('.'));
}

class process_file_reader {
public:
  explicit process_file_reader(const process_file_setting& with)
    : with_{with} {}

  result<process_file> read(std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
      return error{errc::config,
                   with_.path
                     + ":1: is UTF-16, as programs for tables save 'Unicode "
                       "text': save it as CSV UTF-8, or 'iconv -f UTF-16 -t "
                       "UTF-8' makes that of it"};
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      auto line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++line_;
      if (line.ends_with('\r'))
        line.remove_suffix(1);
      if (line.empty())
        continue;
      auto fields = text::split_csv_line(line);
      if (!fields)
        fault("", fields.failure().context);
      else if (names_.empty())
        read_names(*std::move(fields));
      else
        read_line(*std::move(fields));
    }
    check_whole();
    if (!faults_.empty())
      return error{errc::config, faults_};
    return std::move(out_);
  }

private:
  void fault(const std::string& field, const std::string& reason) {
    fault_at(line_, field, reason);
  }

  void fault_at(uint32_t line, const std::string& field,
                const std::string& reason) {
    text::add_to_list(faults_,
                      with_.path + ":" + std::to_string(line) + ":"
                        + (field.empty() ? "" : field + ":") + " " + reason,
                      "\n");
  }

  void leave_out(const std::string& what) {
    out_.left_out.push_back(with_.path + ":" + std::to_string(line_) + ": "
                            + what);
  }

  void read_names(std::vector<std::string> names) {
    if (names.size() == 1)
      for (const char mark : {';', '\t', '|'})
        if (names.front().find(mark) != std::string::npos)
          fault("", std::string{"its columns are between "}
                      + (mark == '\t' ? "tabs" : "'" + std::string{mark} + "'")
                      + ", and a process file has commas there");
    if (!faults_.empty())
      return;
    for (const auto& name : names)
      if (std::count(known_fields.begin(), known_fields.end(), name) == 0)
        fault(name, "is not a column of a process file"
                      + text::meant(name, known_fields));
      else if (std::count(names.begin(), names.end(), name) != 1)
        fault(name, "is there twice");
    for (const auto* needed : {"port", "proctype", "procname"})
      if (std::count(names.begin(), names.end(), needed) == 0)
        fault(needed, "this column is missing");
    names_ = std::move(names);
  }

  /// What the line has in a column, with the variables that it names.
  std::string at(const std::string& field) {
    std::string out;
    for (size_t i = 0; i < std::min(names_.size(), fields_.size()); ++i)
      if (names_[i] == field)
        out = fields_[i];
    for (size_t begin = 0; (begin = out.find("${", begin)) != out.npos;) {
      const auto end = out.find('}', begin);
      if (end == out.npos) {
        fault(field, "'${' has no end");
        return {};
      }
      const auto value
        = variable(field, out.substr(begin + 2, end - begin - 2));
      out.replace(begin, end + 1 - begin, value);
      begin += value.size();
    }
    return out;
  }

  std::string variable(const std::string& field, const std::string& name) {
    const auto found = with_.variables.find(name);
    if (found != with_.variables.end())
      return found->second;
    fault(field, "the variable " + name + " is not set");
    return {};
  }

  /// "5010", or "{KDBBASEPORT}+1".
  uint16_t port() {
    auto text = at("port");
    int64_t base = 0;
    if (const auto end = text.find('}');
        text.starts_with('{') && end != text.npos) {
      const auto name = text.substr(1, end - 1);
      const auto value = variable("port", name);
      if (value.empty())
        return 0;
      const auto number = whole_number<int64_t>(value);
      if (!number) {
        fault("port", "the variable " + name + " is '" + value
                        + "', which is not a number");
        return 0;
      }
      base = *number;
      text.erase(0, end + 1);
      if (text.starts_with('+'))
        text.erase(0, 1);
      else if (text.empty())
        text = "0";
    }
    const auto number = whole_number<int64_t>(text);
    if (!number || base + *number < 1 || base + *number > 65'535) {
      fault("port", "'" + at("port")
                      + "' is not a port, or {VARIABLE} plus a number, within "
                        "1 to 65535");
      return 0;
    }
    return static_cast<uint16_t>(base + *number);
  }

  uint64_t limit(const char* field) {
    const auto text = at(field);
    if (text.empty())
      return 0;
    const auto number = whole_number<uint32_t>(text);
    if (!number)
      fault(field, "'" + text + "' is not a whole number");
    return number.value_or(0);
  }

  void read_line(std::vector<std::string> fields) {
    fields_ = std::move(fields);
    if (fields_.size() != names_.size())
      return fault("", std::to_string(fields_.size()) + " fields; the first "
                         + "line has " + std::to_string(names_.size()));
    process_line made;
    made.line = line_;
    made.name = at("procname");
    const auto type = at("proctype");
    const auto* known
      = std::find_if(std::begin(torq_types), std::end(torq_types),
                     [&](const torq_type& each) { return each.name == type; });
    const auto title = "'" + made.name + "' of type '" + type + "'";
    if (known == std::end(torq_types))
      return read_unknown(title, type);
    if (known->ours.empty())
      return leave_out(title + " is left out: " + known->why);
    const auto host = at("host");
    if (!host.empty() && host != "localhost" && host != "127.0.0.1"
        && host != with_.host) {
      if (known->ours == process_type::rt && elsewhere_.empty()) {
        elsewhere_ = "the tickerplant '" + made.name + "' is of host '" + host
                     + "', and this one is '" + with_.host
                     + "': nobody would order a stream here";
        elsewhere_line_ = line_;
      }
      return leave_out(title + " is left out: its host is '" + host
                       + "', and nodes talk on loopback only");
    }
    made.type = known->ours;
    if (made.type == process_type::rt && !stream_.empty())
      return leave_out(title + " is left out: '" + stream_
                       + "' orders the stream");
    if (!text::is_plain_name(made.name))
      fault("procname", "'" + made.name
                          + "' is not a name: letters, digits, '.', '_' and "
                            "'-', begun with a letter or a digit");
    made.port = port();
    made.query_time_s = limit("T");
    made.memory_mb = limit("w");
    made.starts = at("startwithall") != "0";
    if (made.type == process_type::rt) {
      stream_ = made.name;
      stream_line_ = line_;
      made.starts = true;
    }
    check_unique(made);
    read_load(made, type);
    read_extras(made);
    if (!at("U").empty() && !std::exchange(told_access_, true))
      leave_out("column U has no effect: access lists are not read, and nodes "
                "talk on loopback only");
    out_.processes.push_back(std::move(made));
  }

  /// Of a word for a type that was hardly meant, the process would be missed.
  void read_unknown(const std::string& title, const std::string& type) {
    std::vector<std::string> names;
    for (const auto& each : torq_types)
      names.emplace_back(each.name);
    if (const auto near = text::meant(type, names); !near.empty())
      return fault("proctype", title + ": there is no such type" + near);
    leave_out(title + " is left out: Millrace has no such type");
  }

  void check_unique(const process_line& made) {
    for (const auto& other : out_.processes) {
      if (other.name == made.name)
        fault("procname", "'" + made.name + "' is there twice");
      if (other.port == made.port && made.port != 0)
        fault("port", std::to_string(made.port) + " is the port of '"
                        + other.name + "' too");
    }
  }

  void read_load(process_line& made, const std::string& type) {
    const auto load = at("load");
    if (made.type == process_type::hdb)
      made.load = load;
    else if (!load.empty() && stem_of(load) != type)
      leave_out("'" + made.name + "' loads '" + load
                + "', which has no effect: code in q does not run here");
  }

  /// "-key value": of the tickerplant, where its tables are declared.
  void read_extras(const process_line& made) {
    std::string_view rest;
    const auto extras = at("extras");
    rest = extras;
    const auto take = [&rest] {
      const auto begin = std::min(rest.find_first_not_of(' '), rest.size());
      const auto end = std::min(rest.find(' ', begin), rest.size());
      std::string word{rest.substr(begin, end - begin)};
      rest.remove_prefix(end);
      return word;
    };
    std::string ignored;
    for (auto word = take(); !word.empty(); word = take()) {
      if (made.type == process_type::rt
          && (word == "-schemafile" || word == "--schemafile")) {
        out_.schema_path = take();
        out_.schema_line = made.line;
      } else {
        text::add_to_list(ignored, word, " ");
      }
    }
    if (!ignored.empty())
      leave_out("'" + made.name + "' has the extras '" + ignored
                + "', which have no effect");
  }

  void check_whole() {
    if (names_.empty())
      fault("", "is empty; the first line names the columns");
    else if (faults_.empty() && stream_.empty() && !elsewhere_.empty())
      fault_at(elsewhere_line_, "host", elsewhere_);
    else if (faults_.empty() && stream_.empty())
      fault("proctype", "no process is a tickerplant: nobody would order a "
                        "stream");
    else if (faults_.empty() && out_.schema_path.empty())
      fault_at(stream_line_, "extras",
               "the tickerplant '" + stream_
                 + "' has no -schemafile, which declares the tables");
    const auto is_rdb
      = [](const process_line& each) { return each.type == process_type::rdb; };
    if (std::none_of(out_.processes.begin(), out_.processes.end(), is_rdb))
      out_.left_out.push_back(
        with_.path + ": no process "
        + (out_.left_out.empty() ? "" : "that is left ")
        + "is an rdb: rows are not held for queries, nor written down");
  }

  const process_file_setting& with_;
  uint32_t line_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> fields_;
  std::string stream_; ///< Named as the tickerplant that orders it.
  uint32_t stream_line_ = 0;
  std::string elsewhere_; ///< Of a tickerplant on another host.
  uint32_t elsewhere_line_ = 0;
  bool told_access_ = false;
  process_file out_;
  std::string faults_;
};

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string toml_table(const table_schema& table, const std::string& stream) {
  auto out = "[[table]]\nname = " + toml_text(table.name)
             + "\nstream = " + toml_text(stream) + "\ncolumns = [\n";
  for (const auto& column : table.columns)
    out += "  "
           + toml_text(column.name + ":" + std::string{to_string(column.type)})
           + ",\n";
  return out + "]\n";
}

/// The variables of this program's environment.
std::map<std::string, std::string> variables_of_host() {
  std::map<std::string, std::string> out;
  for (auto** each = environ; *each != nullptr; ++each) {
    const std::string_view both{*each};
    const auto equals = std::min(both.find('='), both.size());
    out[std::string{both.substr(0, equals)}]
      = both.substr(std::min(equals + 1, both.size()));
  }
  return out;
}

/// Empty: it is not set.
std::string variable_of(const process_file_setting& with, const char* name) {
  const auto found = with.variables.find(name);
  return found == with.variables.end() ? std::string{} : found->second;
}

std::string name_of_host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

result<std::string> text_of_file(persistence::file_system& fs,
                                 const std::string& path) {
  constexpr uint64_t bytes_max = 16u << 20;
  auto text = persistence::read_text_file(fs, path, bytes_max);
  if (!text)
    return error{errc::config, text.failure().context};
  return text;
}

bool names_no_hdb(const process_file& from) {
  return std::all_of(from.processes.begin(), from.processes.end(),
                     [](const auto& each) { return each.load.empty(); });
}

/// Partitions of kdb+ are no partitions of ours.
error check_directories(persistence::file_system& fs, const process_file& from,
                        const process_file_setting& with) {
  const auto& path = with.path;
  std::string faults;
  for (const auto& each : from.processes)
    if (const auto fault = each.load.empty()
                             ? error{}
                             : persistence::check_not_of_kdb(fs, each.load))
      text::add_to_list(faults,
                        path + ":" + std::to_string(each.line)
                          + ":load: " + fault.context,
                        "\n");
  const auto beside = variable_of(with, "KDBHDB");
  if (const auto fault
      = beside.empty() ? error{} : persistence::check_not_of_kdb(fs, beside);
      fault && names_no_hdb(from))
    text::add_to_list(faults, path + ": $KDBHDB: " + fault.context, "\n");
  return faults.empty() ? error{} : error{errc::config, faults};
}

} // namespace

result<process_file> parse_process_file(std::string_view text,
                                        const process_file_setting& with) {
  return process_file_reader{with}.read(text);
}

result<cluster_config> load_process_file(persistence::file_system& fs,
                                         const std::string& path) {
  const auto text = text_of_file(fs, path);
  if (!text)
    return text.failure();
  const process_file_setting with{path, variables_of_host(), name_of_host()};
  auto read = parse_process_file(*text, with);
  if (!read)
    return read.failure();
  if (auto fault = check_directories(fs, *read, with))
    return fault;
  const auto declared = text_of_file(fs, read->schema_path);
  if (!declared)
    return error{errc::config, path + ":" + std::to_string(read->schema_line)
                                 + ":extras: the -schemafile of the "
                                   "tickerplant: "
                                 + declared.failure().context};
  const auto schema = read_q_schema(*declared, read->schema_path);
  if (schema.tables.empty())
    return error{errc::config, read->schema_path + ": declares no table"};
  auto config
    = parse_configuration(configuration_text(*read, schema.tables, with), path);
  if (!config)
    return config;
  config->left_out = read->left_out;
  config->left_out.insert(config->left_out.end(), schema.left_out.begin(),
                          schema.left_out.end());
  return config;
}

std::string configuration_text(const process_file& from,
                               const std::vector<table_schema>& tables,
                               const process_file_setting& with) {
  std::string stream;
  std::string hdb;
  for (const auto& each : from.processes) {
    if (each.type == process_type::rt)
      stream = each.name;
    if (each.type == process_type::hdb && hdb.empty())
      hdb = each.load;
  }
  const auto data = variable_of(with, "MILLRACE_DATA");
  // What is ours says it before what is TorQ's.
  if (hdb.empty())
    hdb = variable_of(with, "KDBHDB");
  const auto log_path = data.empty() && variable_of(with, "RT_LOG_PATH").empty()
                          ? variable_of(with, "KDBTPLOG")
                          : std::string{};
  auto out
    = "[cluster]\nname = "
      + toml_text(text::is_plain_name(stem_of(with.path)) ? stem_of(with.path)
                                                          : "torq")
      + "\ndata = " + toml_text(data.empty() ? "millrace-data" : data)
      + (log_path.empty() ? "" : "\nlog_path = " + toml_text(log_path))
      + "\n[[stream]]\nname = " + toml_text(stream) + "\n";
  for (const auto& table : tables)
    out += toml_table(table, stream);
  for (const auto& each : from.processes)
    if (each.starts)
      out += "[[node]]\nname = " + toml_text(each.name)
             + "\nport = " + std::to_string(each.port) + "\n";
  bool writes = true;
  for (const auto& each : from.processes) {
    out += "[[process]]\nname = " + toml_text(each.name)
           + "\ntype = " + toml_text(each.type) + "\n";
    if (each.starts)
      out += "node = " + toml_text(each.name) + "\n";
    const auto& directory
      = each.type == process_type::hdb && !each.load.empty() ? each.load : hdb;
    if ((each.type == process_type::rdb || each.type == process_type::hdb)
        && !directory.empty())
      out += "hdb = " + toml_text(directory) + "\n";
    if (each.type == process_type::rdb && !std::exchange(writes, false))
      out += "write_down = false\n";
    const auto memory = "\"" + std::to_string(each.memory_mb) + "MiB\"\n";
    if (each.memory_mb != 0 && each.type == process_type::rdb)
      out += "memory_max = " + memory;
    if (each.memory_mb != 0 && each.type == process_type::hdb)
      out += "query_memory_max = " + memory + "queries_memory_max = " + memory;
    if (each.query_time_s != 0 && each.type == process_type::gateway)
      out += "query_timeout = \"" + std::to_string(each.query_time_s) + "s\"\n";
  }
  return out;
}

} // namespace millrace::nodes
