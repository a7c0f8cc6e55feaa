#pragma once

#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/hdb/met_damage.hpp>
#include <millrace/actors/torq/hdb/served_mark.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/stores/hdb_index.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::torq {

/// The HDB, with what it sends itself: looks for a new manifest.
using hdb_self_actor = hdb_actor::extend<
  caf::reacts_to<caf::tick_atom>>::extend_with<table_taker_actor>;

struct hdb_settings {
  std::string process;
  std::string directory;
  /// Where it keeps what it served; see served_mark. Empty: nowhere.
  std::string mark_file;
  /// Tables that are written and loaded to its directory first of all.
  std::set<std::string> home_of;
  /// Which stream each table belongs to.
  std::map<std::string, std::string> streams;
  /// As the configuration declares them; used while no manifest can be read.
  std::map<std::string, table_schema> tables;
  int64_t query_timeout_ns = 30'000'000'000;
  uint64_t query_memory_max_bytes = 0; ///< Of one query; 0: no limit.
  /// Of all queries together; 0: no limit.
  uint64_t queries_memory_max_bytes = 0;
  /// Told why the directory cannot be read, and, by no error, that it can be
  /// again.
  std::function<void(const error&)> on_damage;
  /// Told of each table with rows that no configured one is, and that no
  /// question reaches.
  std::function<void(const std::string& table, uint64_t rows)> on_undeclared;
  /// Told of each table whose newest partitions are of a declaration that the
  /// configured one does not follow from.
  std::function<void(const std::string& table, const std::string& why)>
    on_outgrown;
  /// Told of each damage of a file that a query fails of, once.
  std::function<void(const std::string&)> on_damaged_file;
  /// A stable word, and what.
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
};

/// The private index of an hdb process, brought up to date on an io thread: it
/// only ever saves work, so a query that comes before that does without.
struct hdb_index_slot {
  explicit hdb_index_slot(std::unique_ptr<persistence::hdb_index> opened)
    : index{std::move(opened)} {}
  std::mutex updating;
  std::unique_ptr<persistence::hdb_index> index;
  /// hdb_manifest::identity of the one that it stands at.
  std::atomic<uint64_t> identity{0};
  std::atomic<uint64_t> version{0}; ///< And its version.
  /// Why it is behind; empty when it is not. Under `updating`.
  std::string last_failure;
};

/// What an HDB serves.
struct hdb_facts {
  std::string directory;
  manifest_version version;                 ///< 0: nothing yet.
  std::map<std::string, position> cutovers; ///< By table.
  std::map<std::string, uint64_t> rows;     ///< By table.
  std::set<std::string> partitions;
  /// That streams told of, in what was written down, and those in `gone`.
  uint64_t losses = 0;
  std::vector<std::string> gone;           ///< @see served_mark::losses
  std::optional<manifest_version> indexed; ///< None: it keeps no index.
  std::string last_failure;
  std::set<std::string> undeclared; ///< Of the tables with rows.
  /// Tables whose partitions are of a later declaration, and how it differs.
  std::map<std::string, std::string> outgrown;
  /// Tables with rows that do not lie in the partition of their own date, and
  /// where, and what is to be done.
  std::map<std::string, std::string> strayed;
  uint64_t damaged_queries = 0; ///< That failed of damaged files.
  std::string damage;           ///< The one that was met last.
  /// Why the index is behind: queries for few symbols look at every part.
  std::string index_failure;
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const hdb_facts& facts);

/// State of the HDB: serves the partitions of a directory, read only. A new
/// manifest is taken up without a pause, and announced; queries keep the
/// version they pinned.
struct hdb_state {
  static constexpr const char* name = "hdb";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit hdb_state(hdb_self_actor::pointer owner) : self{owner} {}

  /// @param version none: the newest there is.
  caf::result<bundle, partition_cut>
  query(const chunk& plan, std::optional<manifest_version> version);
  /// The same of rows that flow to a sink.
  caf::result<result_source_actor, partition_cut>
  query(const chunk& plan, std::optional<manifest_version> version,
        flow_id flow, result_sink_actor sink);
  struct bound_query {
    std::shared_ptr<query_work> work;
    partition_cut cut;
  };
  /// Up to where a table's rows are in the partitions.
  [[nodiscard]] position
  cutover_of(const std::string& table,
             const persistence::hdb_snapshot& pinned) const;
  /// The parts that a plan of one table is over, and what they lack.
  /// @returns how many the index left out
  uint64_t add_parts(const query::logical_plan& plan,
                     const persistence::hdb_snapshot& pinned,
                     std::vector<persistence::table_view>& parts,
                     std::vector<std::string>& warnings) const;
  /// A plan, and the parts of a version that it is over.
  [[nodiscard]] result<bound_query>
  bind(query::logical_plan plan, std::optional<manifest_version> version);
  manifest_version refresh();
  void watch(const hdb_watcher_actor& who);
  caf::result<table_intake> take_table(const table_news& news);
  void forget(const caf::actor_addr& who);
  void lost(const caf::down_msg& what);
  /// A query failed so: damage is kept for status, and told when it is news.
  void met(const error& fault);
  void tick();
  [[nodiscard]] hdb_facts facts() const;

  /// The snapshot of a version; null for version 0, which has no partition.
  result<std::shared_ptr<const persistence::hdb_snapshot>>
  pin(std::optional<manifest_version> version);
  [[nodiscard]] manifest_version newest() const;
  /// Whether it can be told that the directory, whose manifest cannot be read,
  /// has no rows of the plan.
  [[nodiscard]] bool has_none_of(const query::logical_plan& plan) const;
  [[nodiscard]] hdb_announcement announcement() const;
  void forget_old();
  /// Tells of tables that are not declared, each once.
  void look_for_undeclared(const persistence::hdb_manifest& manifest);
  void look_for_outgrown(const persistence::hdb_manifest& manifest);
  void look_for_strayed(const persistence::hdb_manifest& manifest);
  /// Why an answer from these partitions may lack rows.
  /// @param pinned null: none is there
  [[nodiscard]] std::vector<std::string>
  warnings_of(const query::logical_plan& plan,
              const persistence::hdb_snapshot* pinned) const;
  // hdb_marks.cpp: what it remembers of what it served.

  /// Reads it, once: see served_mark.
  void recall();
  /// Of all who serve the directory on this host. @pre there is a mark file
  [[nodiscard]] known_of_hdb marks_now() const;
  [[nodiscard]] std::string remedy(const std::string& table) const;
  /// Compares what is there with what was served, and says what is gone.
  void look_for_losses(const persistence::hdb_manifest* manifest);

  /// Keeps a failure for status, and says it when it is another one.
  void note(error fault);
  void update_index(std::shared_ptr<const persistence::hdb_snapshot> newest);
  /// Paths of the parts that have rows of the plan's symbols; none: all may.
  [[nodiscard]] std::optional<std::set<std::string>>
  parts_of_symbols(const query::logical_plan& plan,
                   const persistence::hdb_snapshot& pinned) const;

  hdb_self_actor::pointer self;
  persistence::env* env = nullptr;
  query_memory questions_memory;
  hdb_settings settings;
  std::unique_ptr<persistence::hdb_store> store; ///< Null: nothing written yet.
  struct retained {
    std::shared_ptr<const persistence::hdb_snapshot> snapshot;
    int64_t replaced_at_ns = 0; ///< 0: the newest.
  };
  /// Versions that plans may still name.
  std::map<manifest_version, retained> versions;
  std::map<std::string, uint64_t> contents; ///< Of the newest, by table.
  manifest_version serving;                 ///< 0: nothing yet.
  std::vector<hdb_watcher_actor> watchers;
  std::set<caf::actor_addr> flows;             ///< QUERY FLOWs that run.
  std::shared_ptr<hdb_index_slot> index;       ///< May be null.
  std::set<std::string> undeclared;            ///< Tables with rows.
  std::map<std::string, std::string> outgrown; ///< @see hdb_facts
  std::map<std::string, std::string> strayed;  ///< @see hdb_facts
  std::optional<served_mark> mark;             ///< None: it is not read yet.
  std::vector<kept_mark> marks_elsewhere;      ///< Read with it.
  bool mark_is_kept = false;                   ///< Its file was there.
  error last_failure;
  met_damage damage; ///< Of files; of the manifest it is `last_failure`.
};

hdb_self_actor::behavior_type
hdb(hdb_self_actor::stateful_pointer<hdb_state> self, persistence::env* world,
    hdb_settings settings, std::shared_ptr<hdb_index_slot> index);

} // namespace millrace::torq
