#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/cli/stoppable_output.hpp>
#include <millrace/nodes/cli/sub.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace millrace::nodes {

/// Writes what is delivered to standard output, one line per message or row.
/// Owner: one thread. The options must outlive it.
class message_writer {
public:
  message_writer(const sub_options& options,
                 std::shared_ptr<stoppable_output> out)
    : options_{&options}, out_{std::move(out)} {}

  /// @param end the position of the next message
  /// @returns whether the message was one that is printed.
  [[nodiscard]] result<bool> write(const rt::message& message, position end);
  [[nodiscard]] error write(const stream_event& event,
                            const std::string& topic);
  [[nodiscard]] error write_period(period_id period, position end);
  /// What is printed is seen, also through a pipe.
  [[nodiscard]] error flush() { return out_->flush(); }

private:
  result<bool> write_rows(const rt::message& message);
  result<bool> write_json(const rt::message& message, position end);
  /// Payloads of the user's own only: rows of a table want `--table`.
  result<bool> write_csv(const rt::message& message, position end);

  const sub_options* options_;
  std::shared_ptr<stoppable_output> out_;
  bool header_written_ = false;
};

} // namespace millrace::nodes
