#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/lines/line_format.hpp>
#include <millrace/nodes/lines/parse_place.hpp>
#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/query/table/result_text.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::nodes::http {

/// How a client of QuestDB's REST interface wants the answer to a query.
struct exec_form {
  std::string query;           ///< As it sent it.
  uint64_t begin = 0;          ///< The first row that it wants.
  std::optional<uint64_t> end; ///< The one after the last.
  bool has_columns = true;     ///< Names and types.
  bool has_timings = false;
  bool quotes_longs = false; ///< Those of LONG, for JavaScript.
};
/// What is for the gateway.
struct query_wish {
  std::string parameters; ///< As a GATEWAY takes them.
  query::result_format format = query::result_format::json;
  std::optional<exec_form> exec{}; ///< Not in `format`.
};
/// A stream, or a table of one, as it goes on.
struct stream_wish {
  std::string stream; ///< Empty: that of the table.
  std::string table;  ///< Empty: all of the stream.
  start_spec from{.kind = start_spec::end};
  std::optional<int64_t> row_time_ns; ///< Only rows that are not earlier.
  std::string head;                   ///< Begins the response.
  bool is_websocket = false;
};
/// Rows for a table.
struct publish_wish {
  std::string table;
  line_format format = line_format::json;
  rt::ack_level level = rt::ack_level::committed;
  std::string origin; ///< Of a client that numbers what it sends; else empty.
  int64_t id = 0;     ///< Of this request; as the last one: it comes again.
  std::string lines;
};
/// What all processes of the cluster say of themselves.
struct status_wish {
  bool as_metrics = false;
};
/// Whether a gateway is there.
struct readiness_wish {};
/// What is known without anybody.
struct known_response {
  unsigned status = 200;
  std::string type;
  std::string body;
  std::string headers; ///< Lines that end with CRLF.
  friend bool operator==(const known_response&, const known_response&)
    = default;
};

using wish = std::variant<known_response, query_wish, stream_wish, publish_wish,
                          status_wish, readiness_wish>;

/// Where a port is, as browsers name it.
struct own_site {
  std::string address; ///< Where it listens.
  /// Of its certificate: names and addresses; "*.": any one label more.
  std::vector<std::string> names{};
  bool is_secure = false; ///< https
};

/// What a request comes to.
/// @param at a browser that was led here by another name is refused
[[nodiscard]] wish wish_of(const http_request& what, const own_site& at);

/// A failure as a response: {"error": code, "text": ...}.
[[nodiscard]] known_response failed_response(const error& why);

/// "application/json"
[[nodiscard]] std::string_view type_of(query::result_format format) noexcept;

} // namespace millrace::nodes::http
