#pragma once

#include <millrace/actors/torq/gateway/end_inquiry.hpp>
#include <millrace/actors/torq/gateway/gateway_plan.hpp>
#include <millrace/actors/torq/gateway/gateway_query.hpp>
#include <millrace/actors/torq/gateway/question_times.hpp>
#include <millrace/actors/torq/gateway/told_refusals.hpp>
#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/query/front/named_queries.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::torq {

/// The GATEWAY, with what it sends itself (reconnects, held questions), and
/// what its plans ask it.
using gateway_self_actor
  = gateway_actor::extend<caf::reacts_to<caf::tick_atom>>::extend_with<
    fragment_actor>::extend_with<table_taker_actor>;

struct gateway_settings {
  std::string process;
  struct table {
    table_schema schema;
    table_home home;
    /// Configured to be in an RDB, in an HDB, by whatever way these are
    /// started: an answer without it would lack rows, even while discovery has
    /// not named it yet.
    bool in_rdb = false;
    bool in_hdb = false;
    /// How a back end comes to live, when none does by itself.
    std::string hdb_hint;
    std::string rdb_hint;
    /// Why answers may lack rows no matter who is asked; empty: they do not.
    std::string warning;
    /// When it came, while the gateway ran; monotonic. 0: it was there.
    int64_t since_ns = 0;
  };
  std::map<std::string, table> tables; ///< By name.
  /// Where each HDB of the configuration serves partitions from, by its name:
  /// another directory than a table's own may have a copy.
  std::map<std::string, std::string> hdbs;
  /// The SEQUENCERs of each stream.
  std::map<std::string, std::vector<endpoint>> streams;
  /// That can be asked by name. Not null.
  std::shared_ptr<const query::named_queries> queries
    = std::make_shared<const query::named_queries>(query::built_in_queries());
  int64_t query_timeout_ns = 30'000'000'000;
  uint64_t result_rows_max = 0;  ///< 0: no limit.
  uint64_t result_bytes_max = 0; ///< 0: no limit.
  /// What all questions together may hold here. 0: no limit.
  uint64_t queries_memory_max_bytes = 0;
  /// Questions that run or wait; more are refused with `busy`.
  size_t running_max = 256;
  /// Called with what is to be in the log as a warning: a stable word, and what
  /// happened.
  std::function<void(const std::string& id, const std::string& text)>
    on_warning;
  /// The same of what is good to know.
  std::function<void(const std::string& id, const std::string& text)> on_note;
  /// The same of each question; empty: nobody looks.
  std::function<void(const std::string& id, const std::string& text)> on_detail;
};

/// In gateway_tables.cpp.
[[nodiscard]] gateway_settings::table gateway_table(const table_news& news);

/// What a gateway did, and the back ends it can ask.
struct gateway_facts {
  uint64_t answered = 0;
  uint64_t refused = 0;
  uint64_t running = 0;
  text::json_value questions; ///< As `question_times::to_json`.
  struct known_backend {
    backend_role role = backend_role::rdb;
    bool connected = false;
    bool ready = false; ///< Of an RDB: it says so. Of others: connected.
    /// Since it was lost and not found again; none: it was not lost.
    std::optional<int64_t> gone_ms;
    std::string unfit{}; ///< Why it is none; empty: it is one.
  };
  std::map<std::string, known_backend> backends; ///< By process name.
  /// What those that declare tables otherwise than this gateway declare, by
  /// process name.
  std::map<std::string, std::vector<std::string>> declared_otherwise;
  /// Up to where questions were answered, or the stream was seen to end.
  std::map<std::string, position> floors; ///< By stream.
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const gateway_facts& facts);

/// State of the GATEWAY: the one entry over all RDBs and HDBs. Knows from
/// DISCOVERY what is where, and keeps knowing when discovery is gone.
struct gateway_state {
  static constexpr const char* name = "gateway";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_state(gateway_self_actor::pointer owner) : self{owner} {}

  /// Who is answered, and how.
  struct asker {
    caf::actor_addr client; ///< Its end is that of the question.
    caf::response_promise promise{};
    result_sink_actor sink{}; ///< Whom the rows flow to; null: they are told.
    flow_id flow{};
    /// Of its answer, whatever the question says; 0: no limit but others.
    uint64_t rows_max = 0;
    uint64_t bytes_max = 0;
    question_priority priority = question_priority::normal;
    /// What its answer is held by until it is given; null: by nobody.
    std::shared_ptr<query::memory_account> memory{};
    std::string_view language{}; ///< Static; empty: it is not understood.
    std::string shown{};         ///< Its question, for the log.
    /// Its plan, where that and what it took is the answer; empty: it is not.
    std::string analyzed{};
    int64_t since_ns = 0; ///< Monotonic.

    /// Whether the rows of this plan go to it as they come.
    [[nodiscard]] bool flows(const query::logical_plan& plan) const {
      return sink && analyzed.empty() && query::flows(plan);
    }
  };
  [[nodiscard]] asker current_asker() const;
  /// @param bytes_max of the question; 0: no limit but all questions'
  [[nodiscard]] std::shared_ptr<query::memory_account>
  account_of(const query::logical_plan& plan, uint64_t bytes_max) const;
  /// Counts how its question ended, and has it told.
  void count(const asker& whose, const error& how);
  void tell_ending(const asker& whose, const error& how, int64_t took_ns);
  void query(const std::string& parameters, asker to);
  /// A question that is understood.
  void ask(query::question asked, asker to);
  struct held_question;
  void ask_alone(held_question what);
  /// A plan of several steps: joins are left to the stores when they can do
  /// them. In gateway_plans.cpp.
  void ask_joined(plan_request what, asker to);
  void name_sources(plan_request& what) const;
  [[nodiscard]] bool have_both(const query::joined_tables& tables) const;
  [[nodiscard]] static bool may_ask_by_rows(errc fault) noexcept;
  void give(asker& to, const chunks& rows, const query_cut& cut);
  /// Begins a plan of several steps; anew when the stores moved on meanwhile.
  /// In gateway_plans.cpp.
  void begin_plan(plan_request what, int begun_before, asker to);
  void ask_fragment(uint64_t plan, size_t fragment, const stream_place& upto,
                    asker to);
  void watch(const std::vector<process_row>& rows);
  void compare(const process_row& row);
  void connect(const std::string& backend_name);
  void tick();
  void hear(const hdb_announcement& news);
  void hear(const rdb_announcement& news);
  void lost(const caf::actor_addr& who);

  struct held_question {
    query::logical_plan plan;
    /// As asked for; none: to be the end that the stream has now.
    std::optional<position> at_least;
    std::optional<position> as_of{}; ///< No later row counts; none: all do.
    int64_t deadline_ns = 0;         ///< Monotonic.
    /// The plan that it is a fragment of, and the place that this must end at;
    /// null: it is a question by itself.
    std::shared_ptr<const plan_request> part_of{};
    stream_place upto{newest, {}};
    /// How to ask when stores cannot join what it is about; null: they need
    /// not.
    std::shared_ptr<const plan_request> by_rows{};
    asker to;
    /// What became of it with the back ends of then: it waits for one that
    /// comes back.
    error last_fault{};
    uint64_t connections_then = 0;
  };
  /// Starts it, or lets it wait for back ends. In gateway_waiting.cpp, with
  /// what says how long.
  void hold(held_question what);
  [[nodiscard]] bool ready(const held_question& what) const;
  [[nodiscard]] bool may_come_back(const held_question& what, errc fault) const;
  [[nodiscard]] error with_the_gone(const held_question& what,
                                    error fault) const;
  void start(held_question what);
  void run(held_question what, const std::vector<std::string>& warnings);
  [[nodiscard]] static error check_place(const plan_request& what);
  /// Binds a fragment to the place and the partitions of its plan.
  void keep_to_plan(const held_question& what, cut_query::question& question);
  void say_what_is_asked(const held_question& what,
                         cut_query::question& question);
  void name_backends(const held_question& what, const table_home& home,
                     gateway_request& into);
  [[nodiscard]] std::optional<partition_cut> cut_for(const held_question& what,
                                                     const backend& hdb) const;
  void run_waiting();
  void answer(uint64_t number, const chunks& rows, query_cut cut);
  /// Its rows begin to flow; it runs until they end.
  void flow(uint64_t number, const query_cut& cut);
  void flow_ended(const caf::actor_addr& runner);
  void fail(uint64_t number, caf::error fault);
  void refuse(held_question& what, caf::error fault);
  /// Nobody waits for this client's answers any more.
  void forget_client(const caf::actor_addr& client);
  void leave_client(const caf::actor_addr& client);
  // gateway_status.cpp

  [[nodiscard]] gateway_facts facts() const;
  [[nodiscard]] status_facts status() const;
  /// That run or wait.
  [[nodiscard]] size_t open_questions() const;

  /// In gateway_tables.cpp.
  caf::result<table_intake> take_table(const table_news& news);

  // gateway_streams.cpp: where the streams end.

  struct rt_node {
    endpoint at;
    stream_server_actor handle; ///< Null while not connected.
    reconnection link{{.first_ns = 0, .max_ns = 0}}; ///< At each tick.
    /// To connect; one at a time.
    uint64_t tries_begun = 0;
    uint64_t tries_ended = 0; ///< Whatever came of them.
  };
  /// A question that came while no node of its stream was connected.
  struct held_inquiry {
    held_question what;
    int64_t until_ns = 0; ///< Monotonic.
    /// Of each node, the number of the first try that began after it came.
    std::vector<uint64_t> tries;
  };
  struct followed_stream {
    std::vector<rt_node> nodes;
    end_inquiry ends;
    stream_place first; ///< Where the life begins that a node told last.
    std::map<uint64_t, held_question> waiting; ///< For an inquiry.
    uint64_t asked = 0; ///< The inquiry under way, or the last one.
    std::vector<held_inquiry> unreached;
    /// Since when no node that leads answers those that ask; 0: one did.
    int64_t leaderless_since_ns = 0;
    int64_t undecided_ns = 0;    ///< When it was seen last that none does.
    int64_t silent_since_ns = 0; ///< No node is connected; 0: one is.
    bool told_silent = false;
    /// No node that is known here led when they were asked: they ask who does.
    bool by_way = false;
    bool stands_alone = false; ///< The node that answered last has no others.

    [[nodiscard]] bool reachable() const;
  };
  [[nodiscard]] bool is_of_this_life(const followed_stream& stream,
                                     position at) const;
  [[nodiscard]] error strange_place(const held_question& what) const;
  [[nodiscard]] bool may_be_reborn(const followed_stream& stream,
                                   const std::string& table) const;
  /// Up to where the table's stream is, as the HDBs tell; the start: nothing,
  /// or it is not known.
  [[nodiscard]] position
  written_down(const gateway_settings::table& table) const;
  /// What no RDB holds is in the log of its stream alone, and in no answer.
  /// Empty: nothing is.
  [[nodiscard]] std::string
  unheld_text(const gateway_settings::table& table) const;
  void connect_streams();
  void connect_node(const std::string& stream, size_t node);
  void inquire(held_question what);
  void inquire_waiting(const std::string& stream);
  void inquire_again(const std::string& stream_name);
  void ask_end(const std::string& stream, held_question what);
  void watch_streams();
  void carry_out(const std::string& stream, const end_inquiry::effects& what);
  void ask_node(const std::string& stream, uint64_t number, size_t node);
  void hear(const std::string& stream, uint64_t number, size_t node,
            const stream_facts& facts);
  void go_on(const std::string& stream, const end_inquiry::effects& what);
  void lost_node(const caf::actor_addr& who);

  gateway_self_actor::pointer self;
  persistence::env* env = nullptr;
  gateway_settings settings;
  query_memory questions_memory;
  connector_actor connector;
  backend_table backends;
  std::map<std::string, std::vector<std::string>> declared_otherwise;
  question_times times;
  told_refusals refusals;
  uint64_t turn = 0; ///< Spreads questions over equal back ends.
  int64_t started_ns = 0;
  int64_t met_ns = 0; ///< When discovery told of anybody first; 0: not yet.
  std::vector<held_question> waiting; ///< For back ends to come, or come back.
  std::map<std::string, followed_stream> streams;
  struct running_question {
    held_question what;
    caf::actor runner;
    bool flows = false;
  };
  std::map<uint64_t, running_question> under_way;
  std::map<caf::actor_addr, size_t> clients; ///< Questions of each.
  uint64_t question_last = 0;
  uint64_t connections = 0; ///< To back ends, in all.
  /// Plans of several steps that are under way.
  std::map<uint64_t, std::shared_ptr<const plan_request>> plans;
  uint64_t plan_last = 0;
};

gateway_self_actor::behavior_type
gateway(gateway_self_actor::stateful_pointer<gateway_state> self,
        persistence::env* world, gateway_settings settings,
        connector_actor connector, registrar_actor registry);

} // namespace millrace::torq
