#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/publish/reached_count.hpp>
#include <millrace/nodes/cli/pub.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace millrace::nodes {

/// Publishes lines: payloads, or rows of a table. Owner: one thread. What it is
/// given must outlive it.
class line_publisher {
public:
  line_publisher(const pub_options& options, persistence::clock_source& clock,
                 rt::publisher& out)
    : options_{&options}, clock_{&clock}, out_{&out} {}

  /// Publishes the schema of the table, if rows of one are wanted.
  /// @param table null: none are
  [[nodiscard]] error open(const table_config* table);
  /// `bad_data` names the line.
  [[nodiscard]] error add(std::string_view line);
  /// Publishes the rows that wait.
  [[nodiscard]] error flush();

  /// Why nothing more will be taken, whatever comes; none: it will.
  [[nodiscard]] error fenced() const { return out_->fenced(); }

  /// Payloads or rows that are in the publisher's log: a full disk may have
  /// kept the last of them out of it.
  [[nodiscard]] uint64_t published();
  /// Of lines that several publish, the last one that the stream had when the
  /// first one came; 0: none of them.
  [[nodiscard]] uint64_t known() const noexcept { return known_; }

private:
  error publish_payload(std::string_view line);
  [[nodiscard]] error check_first();
  error publish(std::span<const std::byte> bytes, payload_kind kind,
                uint64_t count);

  const pub_options* options_;
  persistence::clock_source* clock_;
  rt::publisher* out_;
  std::optional<row_reader> rows_;
  bool header_seen_ = false;
  uint64_t line_ = 0;
  uint64_t known_ = 0;    ///< By number.
  uint64_t numbered_ = 0; ///< Messages that were handed over.
  rt::reached_count recorded_;
  uint64_t since_asked_ = 0; ///< Messages.
};

} // namespace millrace::nodes
