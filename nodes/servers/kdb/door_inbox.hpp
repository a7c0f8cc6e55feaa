#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/nodes/servers/gateway/login_judged.hpp>
#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/nodes/servers/port/port_inbox.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace millrace::nodes::kdb {

/// What came of a question that the gateway was asked.
struct question_done {
  connection_id from = 0;
  uint64_t request = 0;
  result<std::string> message = std::string{}; ///< Whole, for the client.
  std::vector<std::string> warnings{};         ///< Why rows may be missing.
};

/// Rows of a stream, as its publisher sent them.
struct stream_rows {
  std::string stream;
  chunk batch;
};
/// What a stream brings from now on comes.
struct stream_begun {
  std::string stream;
};
struct period_ended {
  std::string stream;
  period_id period;
};
/// What happened to a stream: it lost something, or is not followed any more.
struct stream_told {
  std::string stream;
  std::string text;
  bool is_over = false; ///< Nothing comes of it any more.
};

using door_input = std::variant<connection_event, login_judged,
                                logins_looked_at, question_done, stream_rows,
                                stream_begun, period_ended, stream_told>;

/// What other threads tell a door.
using door_inbox = port_inbox<door_input>;
/// Bytes of rows that wait in it: the stream waits then.
inline constexpr size_t row_bytes_max = 16u << 20;

} // namespace millrace::nodes::kdb
