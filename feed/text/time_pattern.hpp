#pragma once

#include <millrace/feed/text/number_text.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// A form of times that a user writes down as for strptime: text, and
/// directives that begin with '%'. docs/feed_layouts.md lists them.
class time_pattern {
public:
  /// `invalid_argument` says what is wrong with it.
  static result<time_pattern> compile(std::string_view text);

  /// What a text says.
  struct parts {
    int32_t day = null_int; ///< Since 2000.01.01.
    int64_t ns_of_day = 0;
    std::optional<int64_t> offset_ns; ///< What it is ahead of UTC.
  };
  [[nodiscard]] fault read(std::string_view text, parts& out) const;

  [[nodiscard]] bool has_date() const noexcept { return has_date_; }
  [[nodiscard]] bool has_clock() const noexcept { return has_clock_; }

private:
  struct step {
    char what = '\0'; ///< A directive, or ' ' for blanks, or '=' for a text.
    uint32_t digits_min = 1;
    uint32_t digits_max = 2;
    std::string text; ///< Of '='.
    /// Of an hour with nothing between it and the minutes after: how many
    /// steps take digits from here on, and how many digits.
    size_t run_steps = 0;
    uint32_t run_digits = 0;
  };
  struct fields;
  static void expand(std::string_view text, std::string& out);
  error add_directive(std::string_view text, size_t& at);
  error check() const;
  error fill_runs();
  void find_clock_runs();
  [[nodiscard]] static bool take(const step& next, std::string_view& rest,
                                 fields& out);
  /// The steps from `at` on that take digits, of text that lacks the zeroes
  /// before a number.
  [[nodiscard]] bool take_short_run(size_t at, std::string_view& rest,
                                    fields& out) const;

  std::vector<step> steps_;
  bool has_date_ = false;
  bool has_clock_ = false;
};

} // namespace millrace::feed
