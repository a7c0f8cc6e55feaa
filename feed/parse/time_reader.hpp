#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/text/number_text.hpp>
#include <millrace/feed/text/time_pattern.hpp>
#include <millrace/feed/text/zone_clock.hpp>

namespace millrace::feed {

/// Reads the times of one column. Remembers the last date and second, since
/// rows that follow each other share them. Owner: one thread; copy freely.
class time_reader {
public:
  /// @param date days since 2000.01.01 for texts without a date; null_int:
  ///   there is none, and such texts are refused.
  /// @param pattern of that format; outlives the reader
  /// @param count of that format
  time_reader(time_format format, zone_clock clock, int32_t date,
              const time_pattern* pattern = nullptr,
              const time_count& count = {})
    : clock_{clock}, pattern_{pattern}, count_{count}, date_{date}, format_{
                                                                      format} {}

  /// Texts of `iso` with a date of their own are refused.
  void refuse_own_dates() noexcept { own_dates_ = false; }

  /// Texts of times of day have an ISO date before them, and a blank between.
  void expect_dates() noexcept { dates_before_ = true; }

  /// @param out ns since 2000.01.01 UTC
  /// @pre text is readable for text_slack bytes after its end, length > 0
  fault timestamp(const char* text, size_t length, int64_t& out) {
    if (format_ == time_format::iso)
      return iso(text, length, out);
    if (format_ == time_format::pattern)
      return patterned(text, length, out);
    if (format_ == time_format::count)
      return counted(text, length, out);
    if (format_ >= time_format::unix_s)
      return unix_time(text, length, out);
    if (dates_before_)
      return dated(text, length, out);
    int64_t of_day = 0;
    if (const auto why = time_of_day(text, length, of_day); why != fault::none)
      return why;
    return clock_.to_utc(date_, of_day, out) ? fault::none
                                             : fault::no_such_time;
  }

  /// @param out ns since midnight, in [0, 24 h)
  fault time_of_day(const char* text, size_t length, int64_t& out);

  /// As time_of_day, but ISO text may also have a sign, days ("0D") and more
  /// than 24 hours. What is no whole number of units is `too_fine`.
  /// @param out in units of `unit_ns`
  fault span(const char* text, size_t length, int64_t unit_ns, int64_t& out);

  /// @param out days since 2000.01.01
  fault date(const char* text, size_t length, int32_t& out);

  [[nodiscard]] time_format format() const noexcept { return format_; }

private:
  fault iso(const char* text, size_t length, int64_t& out) {
    // The usual form: the date of the row before, a time, a fraction.
    uint16_t tail;
    std::memcpy(&tail, text + 8, sizeof tail);
    if (length < 19 || length > 29 || detail::load8(text) != date_text_
        || tail != date_tail_ || !date_uniform_
        || (text[10] != ' ' && text[10] != 'T' && text[10] != 'D'))
      return iso_slowly(text, length, out);
    if (const auto clock = detail::load8(text + 11); clock != second_text_) {
      if (!read_second(text + 11))
        return iso_slowly(text, length, out);
      second_text_ = clock;
    }
    out = date_midnight_ + second_ns_;
    if (length == 19)
      return fault::none;
    uint64_t fraction = 0;
    const auto digits = length - 20;
    if (text[19] != '.' || digits == 0)
      return iso_slowly(text, length, out);
    if (digits == 9) {
      const auto last = static_cast<unsigned char>(text[28] - '0');
      if (!detail::digits_to_8(text + 20, 8, fraction) || last > 9)
        return iso_slowly(text, length, out);
      fraction = fraction * 10 + last;
    } else {
      if (!detail::digits_to_8(text + 20, digits, fraction))
        return iso_slowly(text, length, out);
      fraction *= scale_[digits];
    }
    out += static_cast<int64_t>(fraction);
    return fault::none;
  }

  bool read_second(const char* text) noexcept;
  fault iso_slowly(const char* text, size_t length, int64_t& out);
  fault dated(const char* text, size_t length, int64_t& out);
  fault patterned(const char* text, size_t length, int64_t& out);
  fault unix_time(const char* text, size_t length, int64_t& out) const;
  fault counted(const char* text, size_t length, int64_t& out);
  fault clock_time(std::string_view text, int64_t& out) const;

  static constexpr uint64_t scale_[10]
    = {1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000,
       10'000,        1'000,       100,        10,        1};

  zone_clock clock_;
  const time_pattern* pattern_;
  time_count count_;
  uint64_t date_text_ = 0;
  uint64_t second_text_ = 0;
  int64_t date_midnight_ = 0;
  int64_t second_ns_ = 0;
  int32_t date_;
  uint16_t date_tail_ = 0;
  bool date_uniform_ = false;
  bool own_dates_ = true;
  bool dates_before_ = false;
  uint8_t day_length_ = 0;
  char day_text_[10]{};    ///< The last date before a time of day,
  int32_t day_ = null_int; ///< and what it is.
  time_format format_;
};

} // namespace millrace::feed
