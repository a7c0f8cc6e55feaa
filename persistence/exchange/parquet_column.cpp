#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/persistence/exchange/parquet_column_internal.hpp>
#include <millrace/persistence/exchange/parquet_encoding.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <zstd.h>

namespace millrace::persistence {

namespace {

constexpr uint64_t rows_per_page = 64 * 1024;
constexpr uint64_t page_text_max = uint64_t{8} << 20;
constexpr size_t dictionary_max = 64 * 1024;
constexpr size_t statistics_text_max = 64;
constexpr int compression_level = 3;
constexpr int32_t encoding_plain = 0;
constexpr int32_t encoding_rle = 3;
constexpr int32_t encoding_dictionary = 8;
constexpr int32_t epoch_2000_days = 10'957;

template <class T>
void put(std::string& into, T value) {
  const auto at = into.size();
  into.resize(at + sizeof value);
  std::memcpy(into.data() + at, &value, sizeof value);
}

std::string text_as_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto good = text::valid_utf8_prefix(text);
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty())
      break;
    out += "\xef\xbf\xbd";
    text.remove_prefix(1);
  }
  return out;
}

void put_text(std::string& into, std::string_view text) {
  const auto valid
    = text::valid_utf8(text) ? std::string{} : text_as_utf8(text);
  if (!valid.empty())
    text = valid;
  put(into, static_cast<uint32_t>(text.size()));
  into += text;
}

/// One page's rows as they go out.
struct page {
  std::string values;
  std::vector<uint32_t>
    levels; ///< 1: the row has a value. Of optional columns.
  uint64_t rows = 0;
};

class parquet_column {
public:
  parquet_column(byte_sink& file, row_reader& rows, size_t column)
    : file_{&file}, rows_{&rows}, column_{column},
      type_{rows.columns()[column].type}, optional_{parquet_optional(type_)} {}

  result<parquet_chunk> write(uint64_t begin, uint64_t count) {
    out_.begin = out_.data = file_->size();
    out_.rows = count;
    auto fault = type_ == column_type::symbol ? write_symbols(begin, count)
                                              : write_values(begin, count);
    if (fault)
      return fault;
    out_.bytes = file_->size() - out_.begin;
    if (low_ <= high_ && has_range_)
      tell_range();
    return out_;
  }

private:
  error overflow() const {
    return {errc::overflow, "column '" + rows_->columns()[column_].name
                              + "' has a time beyond those of Parquet"};
  }

  // -- pages ------------------------------------------------------------------

  error put_page(int32_t kind, const std::string& plain, uint64_t rows,
                 int32_t encoding) {
    packed_.resize(ZSTD_compressBound(plain.size()));
    const auto size
      = ZSTD_compress(packed_.data(), packed_.size(), plain.data(),
                      plain.size(), compression_level);
    if (ZSTD_isError(size) != 0)
      return {errc::internal,
              std::string{"Zstandard: "} + ZSTD_getErrorName(size)};
    if (plain.size() > INT32_MAX || size > INT32_MAX)
      return {errc::oversize, "a text of column '"
                                + rows_->columns()[column_].name
                                + "' has more than 2 GiB"};
    thrift_writer header;
    header.field(1, kind);
    header.field(2, static_cast<int32_t>(plain.size()));
    header.field(3, static_cast<int32_t>(size));
    header.begin(kind == 0 ? 5 : 7);
    header.field(1, static_cast<int32_t>(rows));
    header.field(2, encoding);
    if (kind == 0) {
      header.field(3, encoding_rle);
      header.field(4, encoding_rle);
    }
    header.end();
    auto bytes = header.bytes() + '\0'; // The end of the header itself.
    out_.plain_bytes += bytes.size() + plain.size();
    bytes.append(packed_.data(), size);
    return file_->append(std::as_bytes(std::span{bytes}));
  }

  error flush(page& what, int32_t encoding) {
    if (what.rows == 0)
      return {};
    std::string plain;
    if (optional_) {
      const auto levels = pack_levels(what.levels, 1);
      put(plain, static_cast<uint32_t>(levels.size()));
      plain += levels;
    }
    plain += what.values;
    auto fault = put_page(0, plain, what.rows, encoding);
    what = {};
    return fault;
  }

  void take_level(page& into, bool there) {
    ++into.rows;
    if (!optional_)
      return;
    into.levels.push_back(there ? 1 : 0);
    out_.nulls += there ? 0 : 1;
  }

  // -- symbols ----------------------------------------------------------------

  error write_symbols(uint64_t begin, uint64_t count) {
    std::vector<uint32_t> places(count);
    for (uint64_t at = 0; at < count; at += rows_per_page) {
      const auto now = std::min(rows_per_page, count - at);
      if (auto fault = rows_->read(column_, begin + at, now, piece_))
        return fault;
      std::memcpy(places.data() + at, piece_.values.data(),
                  now * sizeof(uint32_t));
    }
    const auto& symbols = rows_->symbols(column_);
    std::vector<uint32_t> numbers(symbols.size()); // Of those that occur.
    for (const auto place : places)
      numbers[place] = 1;
    numbers[0] = 0; // The null has no value.
    std::vector<uint32_t> met;
    for (uint32_t place = 1; place < numbers.size(); ++place)
      if (numbers[place] != 0) {
        numbers[place] = static_cast<uint32_t>(met.size());
        met.push_back(place);
      }
    tell_texts(symbols, met);
    const bool by_dictionary = !met.empty() && met.size() <= dictionary_max;
    if (by_dictionary)
      if (auto fault = put_dictionary(symbols, met))
        return fault;
    const auto width = std::max<uint32_t>(bits_for(met.size()), 1);
    for (uint64_t at = 0; at < count; at += rows_per_page) {
      const auto end = std::min(count, at + rows_per_page);
      if (auto fault = put_symbols({places.data() + at, end - at}, numbers,
                                   by_dictionary ? width : 0))
        return fault;
    }
    return {};
  }

  error put_dictionary(const std::vector<std::string_view>& symbols,
                       const std::vector<uint32_t>& met) {
    std::string plain;
    for (const auto place : met)
      put_text(plain, symbols[place]);
    out_.dictionary = file_->size();
    if (auto fault = put_page(2, plain, met.size(), encoding_plain))
      return fault;
    out_.data = file_->size();
    return {};
  }

  /// @param width of a place in the dictionary; 0: there is none
  error put_symbols(std::span<const uint32_t> places,
                    const std::vector<uint32_t>& numbers, uint32_t width) {
    page now;
    std::vector<uint32_t> there;
    for (const auto place : places) {
      take_level(now, place != 0);
      if (place == 0)
        continue;
      if (width == 0)
        put_text(now.values, rows_->symbols(column_)[place]);
      else
        there.push_back(numbers[place]);
      if (now.values.size() > page_text_max)
        if (auto fault = flush(now, encoding_plain))
          return fault;
    }
    if (width == 0)
      return flush(now, encoding_plain);
    now.values = static_cast<char>(width) + pack_levels(there, width);
    return flush(now, encoding_dictionary);
  }

  void tell_texts(const std::vector<std::string_view>& symbols,
                  const std::vector<uint32_t>& met) {
    if (met.empty())
      return;
    auto low = symbols[met.front()];
    auto high = low;
    for (const auto place : met) {
      low = std::min(low, symbols[place]);
      high = std::max(high, symbols[place]);
    }
    if (low.size() > statistics_text_max || high.size() > statistics_text_max
        || !text::valid_utf8(low) || !text::valid_utf8(high))
      return;
    // With what is no UTF-8 in between they would not be the ends.
    if (std::all_of(met.begin(), met.end(), [&](auto place) {
          return text::valid_utf8(symbols[place]);
        })) {
      out_.low = low;
      out_.high = high;
    }
  }

  // -- values -----------------------------------------------------------------

  error write_values(uint64_t begin, uint64_t count) {
    for (uint64_t at = 0; at < count; at += rows_per_page) {
      const auto now = std::min(rows_per_page, count - at);
      if (auto fault = rows_->read(column_, begin + at, now, piece_))
        return fault;
      page next;
      auto fault = type_ == column_type::string ? put_texts(next, now)
                                                : put_fixed(next, now);
      if (!fault)
        fault = flush(next, encoding_plain);
      if (fault)
        return fault;
    }
    return {};
  }

  error put_texts(page& into, uint64_t count) {
    const auto* ends = reinterpret_cast<const uint64_t*>(piece_.values.data());
    const std::string_view text{piece_.text};
    for (uint64_t i = 0; i < count; ++i) {
      const auto begin = i == 0 ? 0 : ends[i - 1];
      take_level(into, true);
      put_text(into.values, text.substr(begin, ends[i] - begin));
      if (into.values.size() > page_text_max)
        if (auto fault = flush(into, encoding_plain))
          return fault;
    }
    return {};
  }

  template <class T>
  const T* values() const noexcept {
    return reinterpret_cast<const T*>(piece_.values.data());
  }

  /// Whole numbers that go out as `To`.
  template <class From, class To>
  error put_whole(page& into, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const auto value = values<From>()[i];
      const bool there
        = !optional_ || value != std::numeric_limits<From>::min();
      take_level(into, there);
      if (!there)
        continue;
      const auto out = static_cast<To>(value);
      put(into.values, out);
      see(out);
    }
    return {};
  }

  error put_times(page& into, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      auto value = values<int64_t>()[i];
      take_level(into, value != null_long);
      if (value == null_long)
        continue;
      // The last one stands for an infinite time alone.
      if (value != inf_long && value != -inf_long
          && (__builtin_add_overflow(value, epoch_2000_ns, &value)
              || value == inf_long))
        return overflow();
      put(into.values, value);
      see(value);
    }
    return {};
  }

  /// Days since 1970, of dates and of the first days of months.
  error put_days(page& into, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      auto value = int64_t{values<int32_t>()[i]};
      take_level(into, value != null_int);
      if (value == null_int)
        continue;
      if (value != inf_int && value != -inf_int) {
        if (type_ == column_type::month) {
          const auto year = 2000 + text::floor_divide(value, 12);
          const auto month = value - text::floor_divide(value, 12) * 12 + 1;
          value = text::day_of(
            {static_cast<int32_t>(year), static_cast<uint32_t>(month), 1});
        }
        value += epoch_2000_days;
        if (value >= inf_int || value <= -inf_int)
          return overflow();
      }
      put(into.values, static_cast<int32_t>(value));
      see(value);
    }
    return {};
  }

  template <class T>
  error put_float(page& into, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const auto value = values<T>()[i];
      take_level(into, !std::isnan(value));
      if (!std::isnan(value))
        put(into.values, value);
    }
    return {};
  }

  error put_booleans(page& into, uint64_t count) {
    into.values.resize((count + 7) / 8);
    for (uint64_t i = 0; i < count; ++i) {
      take_level(into, true);
      if (values<uint8_t>()[i] != 0)
        into.values[i / 8]
          = static_cast<char>(into.values[i / 8] | 1 << (i % 8));
    }
    return {};
  }

  error put_chars(page& into, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const auto value = values<char>()[i];
      take_level(into, value != ' ');
      if (value != ' ')
        put_text(into.values, {&value, 1});
    }
    return {};
  }

  error put_guids(page& into, uint64_t count) {
    constexpr std::array<char, 16> none{};
    for (uint64_t i = 0; i < count; ++i) {
      const auto* value = values<char>() + i * none.size();
      const bool there = std::memcmp(value, none.data(), none.size()) != 0;
      take_level(into, there);
      if (there)
        into.values.append(value, none.size());
    }
    return {};
  }

  error put_fixed(page& into, uint64_t count) {
    switch (type_) {
      case column_type::boolean:
        return put_booleans(into, count);
      case column_type::guid:
        return put_guids(into, count);
      case column_type::byte_:
        return put_whole<uint8_t, int32_t>(into, count);
      case column_type::short_:
        return put_whole<int16_t, int32_t>(into, count);
      case column_type::long_:
      case column_type::timespan:
        return put_whole<int64_t, int64_t>(into, count);
      case column_type::real:
        return put_float<float>(into, count);
      case column_type::float_:
        return put_float<double>(into, count);
      case column_type::char_:
        return put_chars(into, count);
      case column_type::timestamp:
        return put_times(into, count);
      case column_type::month:
      case column_type::date:
        return put_days(into, count);
      default:
        return put_whole<int32_t, int32_t>(into, count);
    }
  }

  void see(int64_t value) noexcept {
    has_range_ = true;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }

  void tell_range() {
    out_.low.emplace();
    out_.high.emplace();
    if (parquet_type_of(type_) == parquet_int64) {
      put(*out_.low, low_);
      put(*out_.high, high_);
    } else {
      put(*out_.low, static_cast<int32_t>(low_));
      put(*out_.high, static_cast<int32_t>(high_));
    }
  }

  byte_sink* file_;
  row_reader* rows_;
  size_t column_;
  column_type type_;
  bool optional_;
  parquet_chunk out_;
  column_piece piece_;
  std::string packed_;
  bool has_range_ = false;
  int64_t low_ = INT64_MAX;
  int64_t high_ = INT64_MIN;
};

} // namespace

parquet_type parquet_type_of(column_type type) noexcept {
  switch (type) {
    case column_type::boolean:
      return parquet_boolean;
    case column_type::guid:
      return parquet_fixed;
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return parquet_int64;
    case column_type::real:
      return parquet_float;
    case column_type::float_:
      return parquet_double;
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      return parquet_bytes;
    default:
      return parquet_int32;
  }
}

bool parquet_optional(column_type type) noexcept {
  return type != column_type::boolean && type != column_type::byte_
         && type != column_type::string;
}

result<parquet_chunk> write_parquet_column(byte_sink& to, row_reader& rows,
                                           size_t column, uint64_t begin,
                                           uint64_t count) {
  return parquet_column{to, rows, column}.write(begin, count);
}

} // namespace millrace::persistence
