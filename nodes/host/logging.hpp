#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::nodes {

enum class log_level : uint8_t { error, warning, info, debug };

/// "ERR" "WARN" "INF" "DBG".
[[nodiscard]] std::string_view to_string(log_level level) noexcept;
[[nodiscard]] std::optional<log_level>
log_level_of(std::string_view name) noexcept;

/// One line of a log. `id` is a stable word that can be searched for.
struct log_entry {
  int64_t time_ns = 0; ///< Since 2000.01.01 UTC.
  std::string_view host = {};
  std::string_view process_type = {};
  std::string_view process_name = {};
  log_level level = log_level::info;
  std::string_view id = {};
  std::string_view message = {};
};

/// `time|host|proctype|procname|level|id|message`, or a JSON object of these
/// names. One line without its end: line breaks and other control characters
/// of the message are escaped. Bytes that are not UTF-8 are replaced in JSON.
[[nodiscard]] std::string format_line(const log_entry& entry, bool json);

/// Takes entries from any thread. An embedder gives its own.
using log_sink = std::function<void(const log_entry&)>;

/// Writes lines to stderr, each flushed at once. Thread safe.
[[nodiscard]] log_sink stderr_sink(bool json);

/// The log of one process (role) of a node. Copies share the sink. Thread
/// safe.
class logger {
public:
  /// Drops everything.
  logger() = default;

  /// `clock` outlives the logger and its copies.
  logger(log_sink sink, persistence::clock_source& clock, log_level most,
         std::string host);

  /// The same sink under another identity.
  [[nodiscard]] logger as(std::string process_type,
                          std::string process_name) const;

  void write(log_level level, std::string_view id,
             std::string_view message) const;

  void error(std::string_view id, std::string_view message) const {
    write(log_level::error, id, message);
  }
  void warning(std::string_view id, std::string_view message) const {
    write(log_level::warning, id, message);
  }
  void info(std::string_view id, std::string_view message) const {
    write(log_level::info, id, message);
  }
  void debug(std::string_view id, std::string_view message) const {
    write(log_level::debug, id, message);
  }

private:
  std::shared_ptr<const log_sink> sink_;
  persistence::clock_source* clock_ = nullptr;
  log_level most_ = log_level::info;
  std::string host_;
  std::string process_type_;
  std::string process_name_;
};

/// The name of this host, "localhost" when the system does not tell.
[[nodiscard]] std::string host_name();

} // namespace millrace::nodes
