#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/id_policy.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>
#include <millrace/nodes/users/grants.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// That of the demo is in demo_configuration.cpp, what a configuration is asked
// for in configuration_lookups.cpp.

namespace millrace::nodes {

/// The roles of TorQ and RT. A process is one actor of such a role, or of one
/// that a program registers.
namespace process_type {
inline constexpr std::string_view discovery = "discovery";
inline constexpr std::string_view rt = "rt";
inline constexpr std::string_view feed = "feed";
inline constexpr std::string_view rdb = "rdb";
inline constexpr std::string_view hdb = "hdb";
inline constexpr std::string_view gateway = "gateway";
inline constexpr std::string_view kdb = "kdb";
inline constexpr std::string_view http = "http";
inline constexpr std::string_view postgres = "postgres";
} // namespace process_type

/// What "written" means in the acknowledgements of a stream.
enum class stream_mode {
  synced, ///< On disk: survives a power cut.
  cached, ///< In the page cache: survives the death of the process.
};

[[nodiscard]] std::string_view to_string(stream_mode mode) noexcept;

/// `[[stream]]`.
struct stream_config {
  std::string name;
  stream_mode mode = stream_mode::synced;
  /// A log file rolls before it would pass this size; 64 KiB to 1 GiB.
  uint64_t roll_bytes = uint64_t{1} << 30;
  /// Closed files of the merged log go when their newest message is older, when
  /// all files together have more bytes, or when the disk is fuller; 0: never.
  int64_t retention_age_ns = 0;
  uint64_t retention_bytes = 0;
  uint32_t retention_disk_percent = 0;
  /// An rt process that is away holds back the files that it lacks for so long,
  /// or until a disk is fuller.
  int64_t gc_grace_ns = 600'000'000'000;
  uint32_t gc_disk_percent = 70;
  /// The rt process that leads hands over while its syncs take longer, and
  /// those of another one do not.
  int64_t slow_sync_ns = 250'000'000;
  /// Origins of publishers that the end of a period waits for also while they
  /// are not connected.
  std::vector<std::string> participants;
  /// Which ids the messages of an origin have, one after the other.
  id_policy ids = id_policy::strict;
  /// Origins that several publishers write at a time, all the same sequence.
  std::vector<std::string> replicated_origins;
  /// The process that publishes it, and serves its log: no rt orders it. Empty:
  /// rts do.
  std::string publisher{};

  friend bool operator==(const stream_config&, const stream_config&) = default;
};

/// A line of the file; 0: no file. Not a part of what the file says.
struct file_line {
  uint32_t line = 0;
  friend constexpr bool operator==(file_line, file_line) noexcept {
    return true;
  }
};

/// A text as it was read. Not a part of what it says.
struct source_text {
  std::string text;
  friend bool operator==(const source_text&, const source_text&) noexcept {
    return true;
  }
};

/// `[[table]]`: what the stream carries. `schema.roll_zone` and
/// `schema.roll_offset_ns` default to those of `[period]`.
struct table_config {
  table_schema schema;
  std::string stream;
  /// A row that comes without a time gets that of its publishing; it is
  /// refused otherwise.
  bool stamp = false;
  std::vector<file_line> column_lines; ///< Of each column.

  friend bool operator==(const table_config&, const table_config&) = default;
};

/// Options of a feed process that makes its own market data.
struct generator_config {
  bool on = false;
  uint64_t seed = 42;
  uint32_t symbol_count = 100;
  /// Business days from 2024-01-02 on. Each but the last is ended before the
  /// next one begins.
  uint32_t periods = 1;
  uint64_t trades_per_period = 100'000;
  uint64_t quotes_per_period = 500'000;
  std::string trade_table; ///< Empty: makes no trades.
  std::string quote_table; ///< Empty: makes no quotes.

  friend bool operator==(const generator_config&, const generator_config&)
    = default;
};

/// `[[process]]`. Fields that another type uses keep their defaults.
struct process_config {
  std::string name;
  std::string type{process_type::discovery};
  uint32_t type_line = 0; ///< Where the file says so; 0: no file does.
  /// The node that starts it; empty: only `millrace spawn` starts it.
  std::string node;

  std::vector<std::string> streams; ///< rt: those it orders, never empty.

  std::vector<std::string> tables; ///< rdb: those it holds, never empty.
  /// rdb, hdb: absolute path of the partitions written or served.
  std::string hdb_directory;
  file_line hdb_line;
  /// rdb: writes its tables down at the end of a period; replicas do not.
  bool write_down = true;
  /// rdb: stops applying above it, and lags until the end of a period frees
  /// memory; `eop` reaches that end all the same. gateway: limit of one
  /// query's result. 0: no limit. Ports: of what was read and is not yet
  /// done, and of what is not yet sent, over all connections; above 0.
  uint64_t memory_max_bytes = 0;
  /// rdb, hdb: what one query may hold there. 0: no limit.
  uint64_t query_memory_max_bytes = uint64_t{2} << 30;
  /// rdb, hdb, gateway: what all queries may hold there together. 0: no limit.
  uint64_t queries_memory_max_bytes = uint64_t{4} << 30;

  /// gateway: how long a query may run. rdb, hdb: the longest of all gateways,
  /// for they keep that long what a query may still want.
  int64_t query_timeout_ns = 30'000'000'000;
  uint64_t result_rows_max = 1'000'000; ///< gateway; 0: no limit.

  uint16_t port = 0; ///< kdb, http, postgres: where clients connect.
  /// kdb, http, postgres: where they connect; empty: at the cluster's. Off
  /// loopback it is one with a login and a certificate.
  std::string address;
  /// kdb, http, postgres: absolute paths of what the port proves itself by;
  /// empty: it speaks in the clear.
  std::string tls_certificate;
  std::string tls_key;
  file_line tls_certificate_line;
  file_line tls_key_line;
  uint32_t connections_max = 256; ///< kdb, http, postgres: at one time.
  /// kdb, http, postgres: for how long a client may neither ask nor be
  /// answered; 0: for ever, http: a minute.
  int64_t idle_max_ns = 0;
  /// kdb, http, postgres: clients are `users` who log in; else processes of the
  /// users of the host that the cluster trusts, who may do all.
  bool asks_login = false;
  /// kdb, http: streams that clients publish to.
  std::vector<std::string> published;

  std::string layout; ///< feed: a name of `layouts`, or a preset.
  std::string table;  ///< feed: where the rows go.
  /// feed: days since 2000.01.01, of files that name none.
  std::optional<int32_t> date;
  std::string symbol; ///< feed: of files that carry none.
  /// feed: row time that passes in one second; 0: as fast as possible.
  double speed = 0;
  std::vector<std::string> files; ///< feed: absolute paths.
  file_line layout_line;
  file_line files_line;
  generator_config generator; ///< feed.

  /// `load` of a type that a shared library registers: absolute paths of these.
  std::vector<std::string> libraries;
  /// `load` of a gateway: absolute paths of files of queries.
  std::vector<std::string> query_files;
  uint32_t load_line = 0; ///< Where the file says `load`; 0: it does not.
  /// `[process.settings]` of a type that a program registers.
  std::map<std::string, std::string> settings;

  /// Whether it is an rdb that holds this table.
  [[nodiscard]] bool holds(std::string_view wanted) const noexcept;

  friend bool operator==(const process_config&, const process_config&)
    = default;
};

/// `[[node]]`: one process of the operating system.
struct node_config {
  std::string name;
  uint16_t port = 0; ///< Where other nodes connect.
  /// What it binds and is reached at; empty: the cluster's. Off loopback, as
  /// all or none of a cluster are, it is one address of its host.
  std::string address;
  file_line line;
  /// Those of `cluster_config::processes` with this node, in file order.
  std::vector<std::string> processes;

  friend bool operator==(const node_config&, const node_config&) = default;
};

/// `[[query]]`, of the configuration or of a file that a gateway loads.
struct query_config {
  std::string name;
  std::string language; ///< "qsql" or "sql".
  std::vector<column_schema> parameters;
  std::string text;
  std::string description;
  std::string file;       ///< Where it stands.
  uint32_t line = 0;      ///< Of the `[[query]]`.
  uint32_t text_line = 0; ///< Of its text.

  friend bool operator==(const query_config&, const query_config&) = default;
};

/// What the processes of a cluster prove themselves by to one another: absolute
/// paths, all empty where connections between them are in the clear.
struct member_tls_config {
  std::string certificate;
  std::string key;
  std::string authority; ///< Of those that sign the cluster's certificates.
  file_line certificate_line;
  file_line key_line;
  file_line authority_line;

  [[nodiscard]] bool is_on() const noexcept { return !certificate.empty(); }

  friend bool operator==(const member_tls_config&, const member_tls_config&)
    = default;
};

/// `[[user]]`: who may log in at ports that ask for it.
struct user_config {
  std::string name;
  user_grants grants;

  friend bool operator==(const user_config&, const user_config&) = default;
};

/// `[period]`: when a period ends, and what says so.
struct period_config {
  period_rule rule;
  bool clock = false;                ///< The nodes end periods by the clock.
  int64_t grace_ns = 30'000'000'000; ///< Wait for publishers that are missing.

  friend bool operator==(const period_config&, const period_config&) = default;
};

/// `[logging]`.
struct logging_config {
  bool json = false;
  std::string level = "INF"; ///< ERR WARN INF DBG.

  friend bool operator==(const logging_config&, const logging_config&)
    = default;
};

/// A whole, validated configuration: names are unique and resolve, ports do
/// not clash, each stream is ordered by a group of 1, 3 or 5 rt processes of
/// different nodes, or published by one process, each table has at most one
/// writer per directory.
struct cluster_config {
  std::string path; ///< Of the file, as it was given.
  /// That it was read from; empty: a program made it.
  source_text source;
  std::string name;
  std::string data_directory; ///< Absolute.
  /// Root of publishers' directories: $RT_LOG_PATH, else `<data>/pub`.
  std::string log_path;
  std::string address; ///< A loopback address: of nodes without their own.
  member_tls_config tls;
  /// Users of a host whose processes may connect to the nodes there, beside
  /// root and the one that runs them; "*": all.
  std::vector<std::string> users;
  /// Where what is kept of passwords and tokens lies; absolute.
  std::string passwords_path;
  std::vector<query_config> queries;
  std::vector<user_config> logins;
  std::vector<stream_config> streams;
  std::vector<table_config> tables;
  std::vector<node_config> nodes;
  std::vector<process_config> processes;
  period_config period;
  logging_config logging;
  /// `[feed.layouts]`: name to absolute path of a layout file.
  std::map<std::string, std::string> layouts;
  /// What of the file has no effect, and why: of a process file of TorQ.
  std::vector<std::string> left_out;

  /// Each is null when there is none of that name.
  [[nodiscard]] const node_config* node(std::string_view name) const noexcept;
  [[nodiscard]] const process_config*
  process(std::string_view name) const noexcept;
  [[nodiscard]] const stream_config*
  stream(std::string_view name) const noexcept;
  [[nodiscard]] const table_config* table(std::string_view name) const noexcept;
  /// Where a node is reached.
  [[nodiscard]] const std::string&
  address_of(const node_config& at) const noexcept {
    return at.address.empty() ? address : at.address;
  }
  /// Whether its nodes are reached from other hosts: each host has data of its
  /// own then.
  [[nodiscard]] bool spans_hosts() const noexcept;
  /// Where a port listens. @pre a process of this configuration
  [[nodiscard]] const std::string&
  address_of(const process_config& port) const noexcept {
    return port.address.empty() ? address : port.address;
  }
  /// The stream that an rdb takes in. @pre an rdb of this configuration
  [[nodiscard]] const std::string& stream_of(const process_config& rdb) const;
  /// Where the rows of a table are written down and loaded, and questions about
  /// it look for them: the directory of the rdb that writes it, else of an hdb,
  /// else of an rdb that holds it. Empty: there is none of these.
  [[nodiscard]] std::string home_of(std::string_view table) const;
  /// The rt processes that order a stream, as they stand in the file.
  [[nodiscard]] std::vector<const process_config*>
  members_of(std::string_view stream) const;
  /// The process that publishes a stream which no rt orders; null: rts order
  /// it, or there is no such stream.
  [[nodiscard]] const process_config*
  publisher_of(std::string_view stream) const noexcept;
  /// The longest that any of its gateways takes for a question; 0: it has none.
  [[nodiscard]] int64_t query_timeout_ns() const noexcept;
  /// The directory of a node: its lock, pid and log.
  [[nodiscard]] std::string node_directory(std::string_view node) const;
  /// Where an rt keeps a stream.
  [[nodiscard]] std::string stream_directory(std::string_view process,
                                             std::string_view stream) const;

  friend bool operator==(const cluster_config&, const cluster_config&)
    = default;
};

/// Whether an rdb without a list needs a [[table]] that it could hold.
enum class tables_in_file : uint8_t { needed, yet_to_come };

/// Reads TOML text. `file` names it in messages, and relative paths count from
/// its folder. Every fault found is a line `<file>:<line>:<key>: <reason>
/// (column <n>)` of one `config` error. Touches no file.
[[nodiscard]] result<cluster_config>
parse_configuration(std::string_view text, const std::string& file,
                    tables_in_file tables = tables_in_file::needed);

/// The same, for one who has more to say of a text with faults.
/// @param understood gets what was read in spite of them, without what is
/// wrong; as it was when there is none, or the text is no TOML
[[nodiscard]] result<cluster_config>
parse_configuration(std::string_view text, const std::string& file,
                    cluster_config& understood);

/// The same from a file; a path that ends with ".csv" is a process file of TorQ
/// (see process_file.hpp). `config` also when it cannot be read.
[[nodiscard]] result<cluster_config>
load_configuration(persistence::file_system& fs, const std::string& path);

/// The path to load: `given`, else `$MILLRACE_CONFIG`, else `$TORQPROCESSES`,
/// else `config`.
[[nodiscard]] result<std::string> configuration_path(const std::string& given);

/// The configuration of `millrace demo` as TOML text: every process on one
/// node "demo" that listens on loopback at `port`, a stream "market" with
/// tables trade and quote, data beside the file.
[[nodiscard]] std::string demo_configuration_text(uint16_t port);

} // namespace millrace::nodes
