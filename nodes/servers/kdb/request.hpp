#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/servers/kdb/answer.hpp>
#include <millrace/nodes/servers/kdb/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <variant>

// The functions that a client may call are in verbs.cpp.

namespace millrace::nodes::kdb {

/// What requests are understood with.
struct request_setting {
  const std::map<std::string, table_schema>* tables = nullptr;
  std::string process; ///< .z.f
  std::string host;    ///< .z.h
  int32_t pid = 0;     ///< .z.i
  int64_t now_ns = 0;  ///< .z.p; wall time since 2000.01.01 UTC.
  std::string user;    ///< .z.u
  int32_t handle = 0;  ///< .z.w
};

/// What is for the gateway.
struct gateway_question {
  std::string parameters; ///< As a GATEWAY takes them.
  answer_form form;
  /// The client asked without wanting a response: it waits for a message.
  bool is_deferred = false;
};

/// What a request comes to: an answer that is there, or a question.
using undertaking = std::variant<value, gateway_question>;

/// A request of a client: a text in q, or a list of a name and arguments. The
/// text of a failure begins with q's short name of it, where q has one.
[[nodiscard]] result<undertaking> understand(const value& what,
                                             const request_setting& with);

/// A question in q, with the form of its answer.
[[nodiscard]] result<undertaking> ask_in_q(const std::string& text,
                                           const request_setting& with);

/// A value as a parameter of getdata. `unsupported`: functions.
[[nodiscard]] result<text::json_value> json_of(const value& what);

/// The same with the short name that q has for such a failure at its front.
[[nodiscard]] error as_in_q(error why);

} // namespace millrace::nodes::kdb
