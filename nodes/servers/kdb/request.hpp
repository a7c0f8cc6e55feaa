#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/servers/kdb/answer.hpp>
#include <millrace/nodes/servers/kdb/stream_rows.hpp>
#include <millrace/nodes/servers/kdb/value.hpp>
#include <millrace/nodes/users/grants.hpp>
#include <millrace/query/front/named_queries.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

// The functions that a client may call are in verbs.cpp.

namespace millrace::nodes::kdb {

/// What requests are understood with.
struct request_setting {
  const std::map<std::string, table_schema>* tables = nullptr;
  /// Those whose rows get the time of their publishing when they have none.
  const std::set<std::string>* stamped = nullptr;
  std::string process; ///< .z.f
  std::string host;    ///< .z.h
  int32_t pid = 0;     ///< .z.i
  int64_t now_ns = 0;  ///< .z.p; wall time since 2000.01.01 UTC.
  std::string user;    ///< .z.u
  int32_t handle = 0;  ///< .z.w
  const user_grants* grants = nullptr; ///< Null: all.
  /// That can be asked by name; null: none.
  const query::named_queries* queries = nullptr;

  /// Null: there is no such table, or none for this user and use.
  [[nodiscard]] const table_schema* find(std::string_view table,
                                         table_use use) const;
  /// Why `find` gives nothing: its name alone, as q says it, or that another
  /// use is granted and this one is not.
  [[nodiscard]] error refusal(table_use use, const std::string& table) const;
  /// Whether there is such a table, and this user may do anything with it.
  [[nodiscard]] bool knows(const std::string& table) const;
};

/// What is for the gateway.
struct gateway_question {
  std::string parameters; ///< As a GATEWAY takes them.
  answer_form form;
  /// The client asked without wanting a response: it waits for a message.
  bool is_deferred = false;
};

/// What a client that waits for a message is told without the gateway: a value,
/// or why its query cannot be answered.
struct deferred_answer {
  result<value> what;
};

/// A client wants the rows of tables as they come, or no more.
struct subscribe_request {
  std::vector<std::string> tables; ///< Of the configuration.
  wanted_symbols symbols;
  bool is_list = true; ///< It asked for several: the answer is a list.
  bool ends = false;   ///< `.u.del`
  /// Answered with it, as a list of both: what a subscriber asks beside.
  std::vector<value> beside{};
};

/// Rows for a stream, as a batch; without rows it is empty.
struct publish_request {
  std::string table;
  std::vector<std::byte> batch;
};

/// What a request comes to: an answer that is there, or what is to be done.
using undertaking = std::variant<value, gateway_question, deferred_answer,
                                 subscribe_request, publish_request>;

/// What `.u.sub` answers: (name; empty table), or a list of these; with what
/// was asked beside it a list of both.
[[nodiscard]] value
subscribed_answer(const subscribe_request& what,
                  const std::map<std::string, table_schema>& tables);

/// A request of a client: a text in q, or a list of a name and arguments. The
/// text of a failure begins with q's short name of it, where q has one.
[[nodiscard]] result<undertaking> understand(const value& what,
                                             const request_setting& with);

/// A question in q, with the form of its answer.
[[nodiscard]] result<undertaking> ask_in_q(const std::string& text,
                                           const request_setting& with);

/// A question in SQL, which the gateway reads.
[[nodiscard]] result<undertaking> ask_in_sql(const std::string& text);

/// A value as a parameter of getdata. `unsupported`: functions.
[[nodiscard]] result<text::json_value> json_of(const value& what);

/// The same with the short name that q has for such a failure at its front.
[[nodiscard]] error as_in_q(error why);

} // namespace millrace::nodes::kdb
