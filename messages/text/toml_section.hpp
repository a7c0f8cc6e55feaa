#pragma once

#include <millrace/messages/text/toml_document.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// TOML is parsed in toml_document.cpp.

namespace millrace::text {

/// What is wrong with a file, collected so that a user sees all of it at once.
class toml_faults {
public:
  explicit toml_faults(std::string file) : file_(std::move(file)) {}

  void add(const toml_value& where, std::string_view key,
           std::string_view reason);
  [[nodiscard]] bool empty() const noexcept { return faults_.empty(); }
  /// `config` with one line per fault, `<file>:<line>:<key>: <reason>`, ordered
  /// by place; no error when there is none.
  [[nodiscard]] error to_error() const;

private:
  struct fault {
    uint32_t line;
    uint32_t column;
    std::string text;
  };
  std::string file_;
  std::vector<fault> faults_;
};

/// Typed reading of one table. A missing or ill-typed value adds a fault and
/// reads as its default, so that one pass finds every fault. `finish` reports
/// the keys that nobody asked for. The table and the list must outlive it.
class toml_section {
public:
  toml_section(const toml_value& table, std::string path, toml_faults& faults);

  [[nodiscard]] bool has(std::string_view key);
  /// The toml_value itself, marked as known; null when absent.
  [[nodiscard]] const toml_value* find(std::string_view key);

  std::string text(std::string_view key, std::string fallback);
  std::string required_text(std::string_view key);
  /// Required: letters, digits, '_', '-', '.', at most 64, not led by '.' or
  /// '-': names become directory names.
  std::string required_name(std::string_view key);
  bool flag(std::string_view key, bool fallback);
  int64_t integer(std::string_view key, int64_t least, int64_t most,
                  std::optional<int64_t> fallback);
  std::vector<std::string> texts(std::string_view key);
  /// A count of bytes, or a text such as "64KiB", "512 MiB", "4GiB", "1TiB".
  uint64_t bytes(std::string_view key, uint64_t least, uint64_t most,
                 uint64_t fallback);
  /// A text such as "250us", "1ms", "-7h", "1h30m", "7d"; in ns.
  int64_t duration(std::string_view key, int64_t least, int64_t most,
                   int64_t fallback);
  /// One of `choices`, by its index; the first is the default.
  size_t choice(std::string_view key,
                const std::vector<std::string_view>& choices, bool required);

  /// Reads and finishes each element of an array of tables `[[key]]`; absent:
  /// none. `read` takes the element's section.
  template <class F>
  void each(const std::string& key, F&& read) {
    const auto* found = find(key);
    if (!found)
      return;
    if (found->type != toml_kind::array) {
      fault(key, "write it as [[" + key + "]]");
      return;
    }
    for (const auto& item : found->items) {
      if (item.type != toml_kind::table) {
        faults_.add(item, key, "write it as [[" + key + "]]");
        continue;
      }
      toml_section at{item, key, faults_};
      read(at);
      at.finish();
    }
  }

  /// Records a fault at `key`, or at the table when the key is absent.
  void fault(std::string_view key, std::string_view reason);
  /// No key that is left is unknown: what they mean is not known here.
  void pass_over();
  /// The same when `key` is there, which is not among those known here.
  void refuse(std::string_view key, std::string_view reason);
  void finish();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Where the table stands.
  [[nodiscard]] uint32_t line() const noexcept { return table_.line; }

private:
  const toml_value* typed(std::string_view key, toml_kind kind,
                          std::string_view expected);

  const toml_value& table_;
  std::string path_;
  toml_faults& faults_;
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> refused_;
};

/// "64KiB" -> 65536; none when malformed or beyond 2^63 - 1.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);
/// "1h30m" -> ns; units d h m s ms us ns, falling, integers, one sign in
/// front. None when malformed or beyond 64 bits.
[[nodiscard]] std::optional<int64_t> parse_duration(std::string_view text);
/// "17:00", "17:00:30" or "24:00" -> ns since midnight, at most one day.
[[nodiscard]] std::optional<int64_t> parse_time_of_day(std::string_view text);

} // namespace millrace::text
