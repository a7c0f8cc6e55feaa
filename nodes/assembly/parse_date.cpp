#include <millrace/nodes/assembly/parse_date.hpp>

#include <date/date.h>

namespace millrace::nodes {

result<int64_t> parse_date(const std::string& text) {
  const auto fault = error{errc::invalid_argument,
                           "'" + text + "' is not a date, as 2013-10-08"};
  const auto digits = [&](size_t at, size_t count) {
    unsigned out = 0;
    for (size_t i = at; i < at + count; ++i) {
      if (text[i] < '0' || text[i] > '9')
        return 0u; // No year, month or day is zero.
      out = out * 10 + static_cast<unsigned>(text[i] - '0');
    }
    return out;
  };
  if (text.size() != 10 || (text[4] != '-' && text[4] != '.')
      || text[7] != text[4])
    return fault;
  const date::year_month_day ymd{date::year{static_cast<int>(digits(0, 4))},
                                 date::month{digits(5, 2)},
                                 date::day{digits(8, 2)}};
  if (!ymd.ok() || digits(0, 4) == 0)
    return fault;
  constexpr auto epoch = date::sys_days{date::year{2000} / 1 / 1};
  return int64_t{(date::sys_days{ymd} - epoch).count()};
}

} // namespace millrace::nodes
