#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/query/table/arrow_columns_internal.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace millrace::query::arrow {

namespace {

/// Between Arrow's days, which begin in 1970, and ours.
constexpr int64_t epoch_2000_days = 10'957;
constexpr const char* not_utf8 = "\xef\xbf\xbd";

/// Appends a bit per row, the lowest first.
template <class IsSet>
void append_bits(batch_body& to, size_t rows, IsSet is_set) {
  std::string packed((rows + 7) / 8, '\0');
  for (size_t i = 0; i < rows; ++i)
    packed[i / 8]
      = static_cast<char>(packed[i / 8] | (is_set(i) ? 1 << i % 8 : 0));
  to.add(packed.data(), packed.size());
}

/// Says which rows are there: nothing when all are.
template <class IsNull>
void append_validity(batch_body& to, size_t rows, IsNull is_null) {
  size_t nulls = 0;
  for (size_t i = 0; i < rows; ++i)
    nulls += is_null(i);
  to.nodes.push_back({static_cast<int64_t>(rows), static_cast<int64_t>(nulls)});
  if (nulls == 0)
    to.add(nullptr, 0);
  else
    append_bits(to, rows, [&](size_t i) { return !is_null(i); });
}

/// Values as they are.
template <class T>
void append_plain(batch_body& to, const column_data& column, size_t rows) {
  const auto* values = column.as<T>();
  append_validity(to, rows, [=](size_t i) {
    if constexpr (std::is_floating_point_v<T>)
      return std::isnan(values[i]);
    else
      return std::is_signed_v<T> && values[i] == std::numeric_limits<T>::min();
  });
  to.add(values, rows * sizeof(T));
}

/// Values that count from or in something else. An infinite one becomes the
/// first or last that there is.
template <class From, class To, class Convert>
error append_converted(batch_body& to, const column_data& column, size_t rows,
                       Convert convert) {
  constexpr auto null = std::numeric_limits<From>::min();
  constexpr auto infinite = std::numeric_limits<From>::max();
  constexpr auto null_there = std::numeric_limits<To>::min();
  constexpr auto last = std::numeric_limits<To>::max();
  const auto* values = column.as<From>();
  append_validity(to, rows, [=](size_t i) { return values[i] == null; });
  std::vector<To> made(rows);
  for (size_t i = 0; i < rows; ++i) {
    const auto value = values[i];
    if (value == null) {
      made[i] = null_there;
    } else if (value == infinite || value == -infinite) {
      made[i] = value > 0 ? last : -last;
    } else if (!convert(value, made[i])) {
      std::string text;
      append_cell(text, column, i);
      return {errc::overflow, "column '" + column.name + "': " + text
                                + " is beyond the times that Arrow has"};
    }
  }
  to.add(made.data(), rows * sizeof(To));
  return {};
}

bool as_day(int64_t day, int32_t& out) {
  const auto counted = day + epoch_2000_days;
  out = static_cast<int32_t>(counted);
  return counted == out;
}

bool first_day_of(int32_t month, int32_t& out) {
  const auto year = text::floor_divide(month, 12);
  return as_day(text::day_of({static_cast<int32_t>(2000 + year),
                              static_cast<uint32_t>(month - 12 * year + 1), 1}),
                out);
}

/// Whether each text is UTF-8, when all of them together are.
bool begin_between_characters(const uint32_t* ends, size_t count,
                              std::string_view bytes) {
  return std::none_of(ends, ends + count, [=](uint32_t end) {
    return end < bytes.size()
           && (static_cast<unsigned char>(bytes[end]) & 0xc0) == 0x80;
  });
}

void append_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto length = text::utf8_length(text);
    if (length == 0)
      out += not_utf8;
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
}

error append_offsets(batch_body& to, const std::vector<int32_t>& offsets,
                     std::string_view bytes) {
  if (bytes.size() > std::numeric_limits<int32_t>::max())
    return {errc::limit_exceeded,
            "more than 2 GiB of text in one batch of Arrow"};
  to.add(offsets.data(), offsets.size() * sizeof(int32_t));
  to.add(bytes.data(), bytes.size());
  return {};
}

error append_chars(batch_body& to, const column_data& column, size_t rows) {
  const auto* values = column.as<char>();
  append_validity(to, rows, [=](size_t i) { return values[i] == ' '; });
  std::vector<int32_t> offsets{0};
  std::string bytes;
  for (size_t i = 0; i < rows; ++i) {
    if (values[i] != ' ')
      append_utf8(bytes, {values + i, 1});
    offsets.push_back(static_cast<int32_t>(bytes.size()));
  }
  return append_offsets(to, offsets, bytes);
}

void append_guids(batch_body& to, const column_data& column, size_t rows) {
  const auto* values = column.values.data();
  append_validity(to, rows, [=](size_t i) {
    return std::all_of(values + 16 * i, values + 16 * (i + 1),
                       [](std::byte x) { return x == std::byte{0}; });
  });
  to.add(values, 16 * rows);
}

error append_times(batch_body& to, const column_data& column, size_t rows) {
  switch (column.type) {
    case column_type::timestamp:
      return append_converted<int64_t, int64_t>(
        to, column, rows, [](int64_t from, int64_t& out) {
          const bool fits = from <= inf_long - 1 - epoch_2000_ns;
          out = fits ? from + epoch_2000_ns : inf_long - 1;
          return fits;
        });
    case column_type::date:
      return append_converted<int32_t, int32_t>(to, column, rows, as_day);
    case column_type::month:
      return append_converted<int32_t, int32_t>(to, column, rows, first_day_of);
    default:
      return append_converted<int32_t, int64_t>(
        to, column, rows,
        [by = column.type == column_type::minute ? 60 : 1](int32_t from,
                                                           int64_t& out) {
          out = int64_t{from} * by;
          return true;
        });
  }
}

} // namespace

error append_texts(batch_body& to, const uint32_t* ends, size_t count,
                   std::string_view bytes) {
  append_validity(to, count, [](size_t) { return false; });
  std::vector<int32_t> offsets(count + 1);
  if (text::valid_utf8(bytes) && begin_between_characters(ends, count, bytes)) {
    std::copy(ends, ends + count, offsets.begin() + 1);
    return append_offsets(to, offsets, bytes);
  }
  std::string made;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = i == 0 ? 0 : ends[i - 1];
    append_utf8(made, bytes.substr(begin, ends[i] - begin));
    offsets[i + 1] = static_cast<int32_t>(made.size());
  }
  return append_offsets(to, offsets, made);
}

error append_column(batch_body& to, const column_data& column, size_t rows) {
  switch (column.type) {
    case column_type::boolean: {
      const auto* values = column.as<uint8_t>();
      append_validity(to, rows, [](size_t) { return false; });
      append_bits(to, rows, [=](size_t i) { return values[i] != 0; });
      return {};
    }
    case column_type::byte_:
      append_plain<uint8_t>(to, column, rows);
      return {};
    case column_type::short_:
      append_plain<int16_t>(to, column, rows);
      return {};
    case column_type::int_:
      append_plain<int32_t>(to, column, rows);
      return {};
    case column_type::long_:
    case column_type::timespan:
      append_plain<int64_t>(to, column, rows);
      return {};
    case column_type::real:
      append_plain<float>(to, column, rows);
      return {};
    case column_type::float_:
      append_plain<double>(to, column, rows);
      return {};
    case column_type::symbol: {
      const auto* codes = column.as<uint32_t>();
      append_validity(to, rows, [=](size_t i) { return codes[i] == 0; });
      to.add(codes, 4 * rows);
      return {};
    }
    case column_type::char_:
      return append_chars(to, column, rows);
    case column_type::string:
      return append_texts(to, column.as<uint32_t>(), rows, column.bytes);
    case column_type::guid:
      append_guids(to, column, rows);
      return {};
    default:
      return append_times(to, column, rows);
  }
}

} // namespace millrace::query::arrow
