#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What `/stream` says, as typed messages of JSON. Positions are texts: numbers
// of a browser have 53 bits. Pure.

namespace millrace::nodes::http {

/// One message for a client, not framed yet.
struct stream_item {
  std::string type; ///< "rows"
  std::string json; ///< An object, on one line.
  /// Where to go on after it; none: it is not whole without the next one.
  std::optional<position> at{};
};

/// What of a stream is wanted.
struct stream_choice {
  std::string stream;
  std::string table;                  ///< Empty: all messages.
  std::string time_column{};          ///< Of the table.
  std::optional<int64_t> row_time_ns; ///< Only rows that are not earlier.
};

/// A message of the stream; rows in pieces of about 128 KiB, of which the last
/// says where to go on. Empty: nothing of it is wanted. Fails when it cannot be
/// read.
[[nodiscard]] result<std::vector<stream_item>>
items_of(const stream_choice& choice, const rt::message& what, position end);

/// reset, badtail, gap, pruned, ahead, id_conflict. Empty: a schema that is not
/// wanted.
[[nodiscard]] std::vector<stream_item> items_of(const stream_choice& choice,
                                                const stream_event& what);
[[nodiscard]] stream_item period_item(const stream_choice& choice,
                                      period_id period, position end);
/// A flow began. `at` when the stream is followed from its end on.
[[nodiscard]] stream_item begin_item(const stream_choice& choice, position end,
                                     bool is_from_end);
[[nodiscard]] stream_item alive_item(std::optional<position> at);
/// The last one: "over" or "cut_off".
[[nodiscard]] stream_item last_item(const std::string& type,
                                    const std::string& cause);

/// As a server-sent event, or as a frame of a WebSocket.
[[nodiscard]] std::string framed(const stream_item& what, bool is_websocket);

} // namespace millrace::nodes::http
