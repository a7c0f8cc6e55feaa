#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::nodes {

/// What a process of this host uses.
struct process_usage {
  int64_t cpu_ms = 0;          ///< User and system, since its start.
  uint64_t resident_bytes = 0; ///< Of memory, also of files that it maps.
  friend bool operator==(const process_usage&, const process_usage&) = default;
};

/// Reads the text of /proc/<pid>/stat; none: it is another text.
[[nodiscard]] std::optional<process_usage>
parse_process_usage(std::string_view stat, int64_t ticks_per_second,
                    uint64_t page_bytes);

/// None when there is no such process.
[[nodiscard]] std::optional<process_usage> usage_of_process(int pid);

} // namespace millrace::nodes
