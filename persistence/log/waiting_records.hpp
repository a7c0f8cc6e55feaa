#pragma once

#include <millrace/persistence/log/log_writer.hpp>

#include <cstddef>
#include <deque>
#include <vector>

namespace millrace::persistence {

/// Records of one log for which a full disk has no room: they wait in memory,
/// in their order, and go into the log before any later one. One owner.
class waiting_records {
public:
  /// @param header what it names lives as long as this does.
  /// @returns no failure where the record waits.
  [[nodiscard]] error append(log_writer& to, const message_header& header,
                             std::vector<std::byte> payload);
  /// Puts into the log what waits. `no_space`: some of it waits still.
  [[nodiscard]] error pass_on(log_writer& to);
  [[nodiscard]] bool empty() const noexcept { return records_.empty(); }

private:
  struct record {
    message_header header;
    std::vector<std::byte> payload;
  };
  std::deque<record> records_;
};

} // namespace millrace::persistence
