#pragma once

#include <string>
#include <string_view>

// Browsers come to the port of kdb+ clients, as kdb+ itself has one port for
// both. Here HTTP has a port of its own.

namespace millrace::nodes::kdb {

/// Whether bytes are, or may become, the first line of a request of HTTP/1.
[[nodiscard]] bool is_http(std::string_view bytes);

/// The answer to a request: it is to be repeated at the port for HTTP, or,
/// where there is none, why nobody answers.
/// @param request with all of its header
/// @param place as "http://127.0.0.1:8080"; where its host is empty, as in
/// "http://:8080", that of the request; empty: there is no such port
[[nodiscard]] std::string answer_to_http(std::string_view request,
                                         std::string_view place);

} // namespace millrace::nodes::kdb
