#pragma once

#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/rdb/hdb_presence.hpp>
#include <millrace/actors/torq/rdb/ingest.hpp>
#include <millrace/actors/torq/rdb/memory_watch.hpp>
#include <millrace/actors/torq/rdb/period_ledger.hpp>
#include <millrace/actors/torq/rdb/rdb_self.hpp>
#include <millrace/actors/torq/rdb/replay_progress.hpp>
#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/actors/torq/rdb/waiting_queries.hpp>
#include <millrace/actors/torq/rdb/written_state.hpp>
#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::torq {

struct rdb_settings {
  std::string process; ///< Its name in the registry.
  std::string stream;
  std::vector<table_schema> tables;
  /// Names of all tables of the stream, no matter who holds them.
  std::set<std::string, std::less<>> stream_tables;
  /// Of these, those that no RDB holds.
  std::set<std::string, std::less<>> unheld_tables;
  std::string reject_file; ///< Where batches are kept that no table fits.
  std::string note_file;   ///< Of what its next life should know.
  /// Of the message that is taken, for `rt::fatal_watch`; empty: none is
  /// watched.
  std::string watch_file;
  /// Lives that a message ends before it is passed over.
  uint32_t park_after = rt::park_after_default;
  std::string hdb_directory; ///< Empty: no write-down, rows stay.
  /// What of that database is known to be gone that this stream never brought:
  /// rows that were loaded, corrected by hand, or written down by other RDBs.
  /// Reads files; called on any thread.
  std::function<lost_database()> lost_beside;
  /// What was done by hand and is not there, also where tables had their home
  /// before.
  std::function<std::vector<std::string>()> lacking_by_hand;
  bool write_down = true;
  /// Rows of the database that nobody can be asked for, in words, by table:
  /// answers warn of them.
  std::map<std::string, std::string> unserved;
  std::vector<endpoint> rt;
  /// Above it the RDB stops applying and lags on the log, until the end of a
  /// period frees memory. An end of a period that somebody waits for is reached
  /// all the same: without it nothing would ever be freed. 0: no limit.
  uint64_t memory_max_bytes = 0;
  /// How long a query may run, whichever gateway asks. Rows of an installed
  /// period stay so long, and a margin, for queries planned before.
  int64_t query_timeout_ns = 30'000'000'000;
  /// What one query may hold here. 0: no limit.
  uint64_t query_memory_max_bytes = 0;
  /// What all queries together may hold here. 0: no limit.
  uint64_t queries_memory_max_bytes = 0;
  /// Called with what is to be in the log as a warning: a stable word, and what
  /// happened.
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
  /// The same of what is good to know.
  std::function<void(const std::string& id, const std::string& text)> on_note;
  /// Called when applying stops, with the reason, and when it goes on (empty).
  std::function<void(const std::string& reason)> on_stall;
};

/// State of the RDB: holds the periods since the newest cutover, answers over
/// them, and writes each period down when it ends.
struct rdb_state {
  static constexpr const char* name = "rdb";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit rdb_state(rdb_self_actor::pointer owner) : self{owner} {}
  rdb_state(const rdb_state&) = delete;
  rdb_state& operator=(const rdb_state&) = delete;
  ~rdb_state() { *lives = false; }

  void start(connector_actor to_others, registrar_actor discoveries);
  caf::result<bundle, rdb_cut> query(const chunk& plan, rows_after rows);
  caf::result<result_source_actor, rdb_cut> query(const chunk& plan,
                                                  rows_after rows, flow_id flow,
                                                  result_sink_actor sink);
  void ask(rdb_question what);
  [[nodiscard]] rdb_question question(query::logical_plan plan,
                                      rows_after rows) const;
  void period_passed(const period_ledger::passed& what);
  void written(position end, manifest_version version, const error& fault);
  void watch(const std::vector<process_row>& rows);
  void hear(const hdb_announcement& news);
  void lost(const caf::down_msg& down);
  void tick();
  /// The snapshot moved.
  void wake();
  /// What earlier lives wrote down.
  [[nodiscard]] result<written_state> read_manifest() const;
  void subscribe();
  void answer(rdb_question what);
  void refuse(const rdb_question& what, errc code);
  void step(const period_ledger::input& what);
  void write(const period_ledger::write& what);
  void tell(const std::string& hdb);
  [[nodiscard]] std::string held() const;
  void warn(const std::string& id, const std::string& text);
  void note(const std::string& id, const std::string& text) {
    if (settings.on_note)
      settings.on_note(id, text);
  }
  void connect(const std::string& backend_name);
  /// Whether it serves the directory that is written to here.
  [[nodiscard]] bool is_ours(const backend& hdb) const;

  // rdb_status.cpp: what it says of itself.

  [[nodiscard]] rdb_facts facts() const;
  [[nodiscard]] status_facts status() const;

  // rdb_views.cpp: the rows that a question is about.

  /// Up to `cut`, and what they lack.
  [[nodiscard]] result<std::shared_ptr<query_work>>
  bind(rdb_question what, const persistence::store_snapshot& snapshot,
       rdb_cut& cut);

  // rdb_installs.cpp: who waits for a period to be written and served.

  struct waiting_install {
    period_id period;
    position at;          ///< The period ended here or before.
    bool accepts = false; ///< Its rejects, once it is held for them.
    int64_t deadline_ns = 0;
    caf::typed_response_promise<period_report> promise;
  };
  caf::result<period_report> wait_installed(period_id period, position at,
                                            bool accept_rejects);
  void accept_rejects(period_id up_to);
  void accepted(period_id up_to, const error& fault);
  /// What was read for an answer.
  void reported(uint64_t number, const period_report& written);
  void answer_installs();
  void tell_let_go(position from, position to);
  [[nodiscard]] bool reached(const waiting_install& what) const;
  [[nodiscard]] bool decided(const waiting_install& what) const;
  void report(waiting_install what);

  // rdb_tables.cpp: tables that come while it runs.

  caf::result<table_intake> take_table(const table_news& news);
  struct table_join {
    table_news news;
    caf::typed_response_promise<table_intake> promise;
    int64_t deadline_ns = 0; ///< Of what waits for others.
  };
  void join_next();
  void account(const table_schema& table);
  void accounted(position end, const error& fault);
  void hold(position cutover);
  void end_join(const error& why);

  // rdb_lives.cpp: which life of its stream it follows, and of the HDB.

  /// No node of the stream gives a flow.
  void flow_lost(const error& why);
  /// A flow of the stream began.
  void flow_began(lineage_id life, position end);
  /// The stream's log does not hold what came before this place.
  void stream_set_back(position at, const std::string& cause);
  /// Ends, to begin anew with the stream as it is.
  void let_go(const std::string& why);
  void start_presence(const written_state& held, bool is_read);
  void step(const hdb_presence::input& what);
  void act(const hdb_presence::keep_note& what);
  void act(const hdb_presence::set_aside& what);
  void act(const hdb_presence::seek& what);
  void act(const hdb_presence::add_loss& what);
  void act(const hdb_presence::tell& what);
  void act(const hdb_presence::release&);
  void act(const hdb_presence::leave& what);
  void sought(bool is_back, bool is_settled, bool is_all);
  [[nodiscard]] bool has_all_of_stream() const;
  [[nodiscard]] std::function<bool()> was_there() const;
  /// Ends, to begin anew with what is there.
  void leave_hdb(const std::string& why);
  void look_for_an_older_hdb();
  void looked(position held, bool is_read, position there);
  [[nodiscard]] std::shared_ptr<rt::fatal_watch> open_watch();

  // rdb_ready.cpp: whether the rows here are an answer.

  void watch(const rdb_watcher_actor& who);
  /// Whether the rows up to this position are an answer.
  [[nodiscard]] bool ready(position end) const;
  /// Why they are not; empty: they are.
  [[nodiscard]] std::string standing(position end) const;
  [[nodiscard]] rdb_announcement announcement() const;
  /// Tells those who ask whether it can be asked, if that changed.
  void announce();
  /// Why applying stands still; empty: it does not.
  [[nodiscard]] std::string stalled() const;
  void watch_memory();
  void tell_stall();

  rdb_self_actor::pointer self;
  persistence::env* env = nullptr;
  rdb_settings settings;
  connector_actor connector;
  std::shared_ptr<rdb_store> store;
  brood children;
  subscriber_actor subscriber;
  backend_table hdbs;
  waiting_queries waiting;
  std::vector<waiting_install> installs;
  /// Of answers for which the HDB directory is read.
  std::map<uint64_t, waiting_install> reports;
  uint64_t report_last = 0;
  bool accepting = false; ///< Rejects are being synced for it.
  period_ledger ledger{{}};
  position told_served; ///< What it alone has was looked for up to there.
  bool writing = false; ///< A period is written down.
  bool looking = false; ///< The manifest is read, for an older one.
  std::deque<table_join> joins;
  int64_t join_at_ns = 0;  ///< The first one is tried again then.
  bool accounting = false; ///< The HDB is told of the first of them.
  /// A period that is to be written after that.
  std::optional<period_ledger::write> postponed;
  memory_watch memory{0};
  query_memory questions_memory;
  bool told_stall = false;
  replay_progress progress;
  /// The stream is not the one that the HDB's positions are of; empty: it is.
  std::string strange_stream;
  bool is_cut_off = false; ///< It was told that no RT node can be reached.
  std::unique_ptr<hdb_presence> presence;
  /// What was written down, until the next life would know of it.
  std::optional<period_ledger::written> unnoted;
  /// This one does; for jobs that write what its next one reads.
  std::shared_ptr<std::atomic<bool>> lives
    = std::make_shared<std::atomic<bool>>(true);
  written_state earlier;    ///< What the HDB held when this one started.
  registrar_actor registry; ///< Null: there is none.
  std::vector<rdb_watcher_actor> watchers;
  std::optional<bool> announced_ready;
  int64_t not_written_ns = 0; ///< When a failure to write was told last.
  error last_failure;         ///< Of a write-down or a drop.
};

/// @param registry tells of HDBs; may be null when there is none.
rdb_self_actor::behavior_type
rdb(rdb_self_actor::stateful_pointer<rdb_state> self, persistence::env* world,
    rdb_settings settings, connector_actor connector, registrar_actor registry);

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const rdb_facts& facts);

} // namespace millrace::torq
