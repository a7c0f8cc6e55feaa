#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/cli/stoppable_output.hpp>
#include <millrace/nodes/cli/sub.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace millrace::nodes {

/// Writes what is delivered to standard output, one line per message or row:
/// of all, or only of the last. Owner: one thread. The options must outlive it.
class message_writer {
public:
  /// @param time_column of the table, by which its rows are chosen; empty: as
  ///   the stream tells
  message_writer(const sub_options& options, std::string time_column,
                 std::shared_ptr<stoppable_output> out)
    : options_{&options}, time_column_{std::move(time_column)}, out_{std::move(
                                                                  out)} {}

  /// @param end the position of the next message
  /// @returns whether the message was one that is printed.
  [[nodiscard]] result<bool> write(const rt::message& message, position end);
  [[nodiscard]] error write(const stream_event& event,
                            const std::string& topic);
  [[nodiscard]] error write_period(period_id period, position end);
  /// What is printed is seen, also through a pipe.
  [[nodiscard]] error flush() { return out_->flush(); }

  /// Of the table, so far.
  [[nodiscard]] uint64_t rows() const noexcept { return rows_; }
  /// Lines that are kept because they may be the last.
  [[nodiscard]] size_t kept() const noexcept { return kept_.size(); }
  /// Writes those.
  [[nodiscard]] error finish();

private:
  void learn(std::span<const std::byte> schema);
  error put(std::string line);
  result<bool> write_rows(const rt::message& message);
  result<bool> write_json(const rt::message& message, position end);
  /// Payloads of the user's own only: where rows of a table come,
  /// `csv_wants_table`.
  result<bool> write_csv(const rt::message& message, position end);

  const sub_options* options_;
  std::string time_column_;
  std::shared_ptr<stoppable_output> out_;
  std::string header_; ///< Of CSV.
  bool header_written_ = false;
  uint64_t rows_ = 0;
  std::deque<std::string> kept_;
};

/// `invalid_argument`: lines of csv cannot be rows of several tables.
/// @param tables their names, as far as they are known
[[nodiscard]] error csv_wants_table(const std::string& tables);

} // namespace millrace::nodes
