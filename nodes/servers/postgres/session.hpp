#pragma once

#include <millrace/nodes/servers/port/session_effects.hpp>
#include <millrace/nodes/servers/postgres/catalogue.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/nodes/servers/postgres/settings.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>
#include <millrace/nodes/users/scram_exchange.hpp>
#include <millrace/query/front/named_queries.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What a client says beside queries, statements and cursors is in
// session_statements.cpp, how it logs in in session_login.cpp.

namespace millrace::nodes::postgres {

/// A client wants to begin. The answer is its number and its secret, each of
/// four bytes.
struct login_wish {
  std::string user;
};
/// A SELECT for the gateway. The answer is an ErrorResponse, or notices, a
/// RowDescription and a DataRow per row.
struct query_wish {
  std::string text;
  result_formats formats;
  std::optional<copy_style> copy; ///< Rows are for a COPY.
  /// The text as the client knows it, for places in it; empty: it differs.
  std::string source;
  size_t begin = 0;       ///< Where the query stands in it.
  int64_t timeout_ns = 0; ///< 0: what any query may take.
};
/// What another connection asked for last is not wanted any more.
struct cancel_wish {
  uint32_t number = 0;
  uint32_t secret = 0;
};
using pg_wish = std::variant<login_wish, query_wish, cancel_wish>;

[[nodiscard]] size_t byte_count(const pg_wish& of) noexcept;

/// What all clients of a port are served with.
struct served_cluster {
  std::string name;
  tables_by_name tables;
  /// Queries that FROM may call by their names. Never null.
  std::shared_ptr<const query::named_queries> queries
    = std::make_shared<query::named_queries>();
  /// The wall time, since 2000.01.01 UTC.
  std::function<int64_t()> now = [] { return int64_t{0}; };
};

struct pg_limits {
  uint32_t message_bytes = 4u << 20;
  uint32_t startup_bytes = 10'000;
  /// Prepared statements, and open cursors, of one client.
  size_t statements = 1'000;
  std::shared_ptr<const served_cluster> served
    = std::make_shared<served_cluster>();
  /// What binds a login to the certificate of the port; there: a session is by
  /// TLS, or it is refused.
  std::optional<std::string> tls_end_point = {};
  /// Not null: a client proves who it is by SCRAM-SHA-256, and is served this.
  std::function<std::shared_ptr<const served_cluster>(const std::string& user)>
    served_to = {};
};

/// One connection of a client of PostgreSQL, protocol 3.0. Answers one message
/// after the other; what comes while a query runs waits.
class pg_session {
public:
  using request_type = pg_wish;
  using limits_type = pg_limits;
  using effects = session_effects_of<pg_wish>;

  explicit pg_session(pg_limits limits = {}) : limits_{std::move(limits)} {}

  /// More bytes of the client.
  [[nodiscard]] effects received(std::string_view bytes);
  /// What there is to judge a client by.
  [[nodiscard]] effects judged(const login_verdict& what);
  /// The certificate that it was shown, where it asked for TLS: a newer one
  /// than that of the limits, maybe.
  void bind_to(const std::string& end_point) {
    limits_.tls_end_point = end_point;
  }
  /// What came of a wish.
  [[nodiscard]] effects answered(uint64_t id, std::string message);

  /// What one more client is told than there may be.
  [[nodiscard]] static std::string no_place(size_t connections_max);
  /// What one that was idle for too long is told.
  [[nodiscard]] static std::string idle_end();
  /// Whether it has not said yet who it is.
  [[nodiscard]] bool is_awaited() const noexcept {
    return !has_begun_ && login_ != login_step::judged;
  }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] bool reads_on() const noexcept { return false; }
  /// Of what is not done, of statements, and of rows that were not fetched.
  [[nodiscard]] size_t held_bytes() const noexcept;
  /// Its number and secret are these: a cancellation is for it.
  [[nodiscard]] bool has(const cancel_wish& what) const noexcept {
    return number_ == what.number && secret_ == what.secret && has_begun_;
  }

private:
  struct prepared {
    statement what;
    std::vector<uint32_t> types;
  };
  /// A statement with its values, and what is not sent of its rows.
  struct portal {
    statement what;
    std::string source; ///< As query_wish has it.
    result_formats formats;
    std::optional<copy_style> copy;
    std::string described; ///< The RowDescription that the client was told.
    std::string description;
    std::string rows;
    size_t at = 0; ///< Sent of them.
    bool has_run = false;
    bool is_held = false; ///< It outlasts its transaction.
  };
  /// What is sent of a portal once it has run.
  struct delivery {
    std::string portal;
    uint64_t rows_max = 0; ///< 0: all.
    bool is_described = false;
    bool is_simple = false; ///< Of a query, and gone then.
    std::string_view tag = "SELECT";
  };

  /// Where a client is that must prove who it is.
  enum class login_step {
    none,
    asked,  ///< It is told of SCRAM.
    judged, ///< It began; what it is judged by is awaited.
    challenged,
    proven,
  };

  // Messages.
  [[nodiscard]] bool begin();
  void begin_tls(size_t more);
  void begin_session(uint32_t version, fields from);
  [[nodiscard]] bool log_in();
  void hear_login(std::string_view body);
  void hear_proof(std::string_view body);
  [[nodiscard]] bool take_next();
  void take(char type, std::string_view body);
  void take_query(std::string_view text);
  void parse(fields from);
  void bind(fields from);
  [[nodiscard]] result<portal> bound(fields& from, const prepared& of);
  void describe(fields from);
  void execute(fields from);
  void close(fields from);
  void synchronise();
  void ask_login();
  void begun(std::string_view number_and_secret);

  // Statements.
  void run(const statement& what, bool is_simple);
  void begin_transaction();
  void end_transaction(bool is_kept);
  void end_portals(bool with_held);
  void discard(const statement& what);
  void deallocate(const statement& what);
  void declare(const statement& what);
  void fetch(const statement& what, bool is_described);
  void close_cursor(const statement& what);
  void copy(const statement& what);
  void set_savepoint(const statement& what);
  void roll_back(const statement& what);
  void set(const statement& what);
  /// Rows that are known here; none: they are the gateway's.
  [[nodiscard]] std::optional<result<query::table_data>>
  known_rows(const statement& what) const;
  void run_portal(delivery then);
  void deliver(const delivery& what);
  [[nodiscard]] result<std::string>
  description_of(const statement& what, const result_formats& formats) const;

  void go_on(effects& out);
  void done(std::string_view tag);
  void ready();
  void fail(const told_error& why);
  void fail(const error& why, std::string_view source = {}, size_t begin = 0);
  void after_failure();
  void end(errc why, std::string_view state, std::string text);
  void wish_for(pg_wish what);
  [[nodiscard]] bool may_hold_more();

  pg_limits limits_;
  std::string user_;
  login_step login_ = login_step::none;
  scram_exchange exchange_;
  std::optional<login_attempt> attempt_;
  std::optional<login_told> told_;
  session_settings settings_;
  uint32_t number_ = 0;
  uint32_t secret_ = 0;
  bool has_begun_ = false;
  bool ended_ = false;
  bool starts_tls_ = false; ///< Said, and not done.
  bool is_by_tls_ = false;
  bool is_skipping_ = false; ///< To the next Sync, after a failure.
  bool is_simple_ = false;   ///< Statements of a query are being done.
  std::vector<std::string> savepoints_;
  int64_t began_ns_ = 0; ///< The transaction: now() until it ends.
  char state_ = 'I';     ///< Of its transaction: T, or E after a failure.
  std::string unread_;
  size_t read_ = 0;              ///< Of it.
  std::string source_;           ///< The query that is being done.
  std::deque<statement> script_; ///< What follows of it.
  std::map<std::string, prepared, std::less<>> prepared_;
  std::map<std::string, portal, std::less<>> portals_;
  std::vector<std::pair<std::string, std::string>> reported_;
  std::string reply_;
  std::optional<end_connection> ending_;
  std::optional<pg_wish> wish_;
  std::optional<uint64_t> awaited_; ///< The wish that has no answer yet.
  std::optional<delivery> then_;    ///< With its rows.
  uint64_t next_id_ = 1;
};

} // namespace millrace::nodes::postgres
