#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/query/table/result_text.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace millrace::nodes::http {

/// What is for the gateway.
struct query_wish {
  std::string parameters; ///< As a GATEWAY takes them.
  query::result_format format = query::result_format::json;
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

using wish
  = std::variant<known_response, query_wish, status_wish, readiness_wish>;

/// What a request comes to.
/// @param address where the port listens: a browser that was led here by
///   another name is refused
[[nodiscard]] wish wish_of(const http_request& what,
                           const std::string& address);

/// A failure as a response: {"error": code, "text": ...}.
[[nodiscard]] known_response failed_response(const error& why);

/// "application/json"
[[nodiscard]] std::string_view type_of(query::result_format format) noexcept;

} // namespace millrace::nodes::http
