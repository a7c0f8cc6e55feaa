#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::postgres {

/// What a client may set and ask for, as SET and SHOW. Pure; one owner.
class session_settings {
public:
  explicit session_settings(const std::string& user = {});

  /// As a client says it at its start, where those of no meaning pass, and
  /// several may stand in `options`. RESET comes back to it.
  [[nodiscard]] error start_with(std::string_view name, std::string_view value);
  /// SET and RESET, in parts. `unsupported` for a value that cannot be had,
  /// `not_found` for a name that there is not.
  [[nodiscard]] error set(const std::vector<part>& parts);
  [[nodiscard]] error reset(const std::vector<part>& parts);
  /// All as at the start of the session.
  void reset_all();
  /// None: there is no such setting.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// Names and values of all.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> all() const {
    return {values_.begin(), values_.end()};
  }
  /// What a query may take; 0: what any may.
  [[nodiscard]] int64_t timeout_ns() const noexcept { return timeout_ns_; }

  void begin() { before_ = {values_, timeout_ns_}; }
  /// What was set is kept, but for what was set for the transaction alone.
  void commit();
  void roll_back();

  /// Names and values of those whose changes a client is told.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>>
  reported() const;

private:
  [[nodiscard]] error take_at_start(std::string_view name,
                                    std::string_view value);
  [[nodiscard]] error take_options(std::string_view text);
  [[nodiscard]] error put(std::string_view name, std::string value);

  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> defaults_;
  int64_t timeout_ns_ = 0;
  struct earlier {
    std::map<std::string, std::string, std::less<>> values;
    int64_t timeout_ns = 0;
  };
  earlier before_;
  std::vector<std::string> local_;
};

} // namespace millrace::nodes::postgres
