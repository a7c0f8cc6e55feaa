#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/messages/text/boolean_text.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/hex_text.hpp>

#include <array>
#include <limits>

namespace millrace::feed {

namespace {

struct field_text {
  const char* data;
  size_t length;
};

/// Field `field` of row `row`.
inline field_text field_of(const row_slice& rows, uint32_t row, uint32_t field,
                           bool last) noexcept {
  const auto found = rows.field(row, field, last);
  return {found.data(), found.size()};
}

template <class T>
constexpr T null_of() {
  if constexpr (std::is_floating_point_v<T>)
    return std::numeric_limits<T>::quiet_NaN();
  else if constexpr (std::is_same_v<T, char>)
    return ' ';
  else if constexpr (std::is_signed_v<T>)
    return std::numeric_limits<T>::min();
  else
    return 0;
}

/// A whole number written as a decimal, such as 100.0 or 2.5E3.
fault read_decimal_whole(field_text text, const number_scale& scale,
                         int64_t& out) {
  exact_decimal value;
  const auto why = parse_exact({text.data, text.length}, value);
  return why != fault::none
           ? why
           : to_whole(value, scale.multiply, scale.divide, out);
}

template <class T>
fault narrow(int64_t wide, T& out) {
  // The least value is the null of signed types, not a number.
  if (wide > static_cast<int64_t>(std::numeric_limits<T>::max())
      || wide < static_cast<int64_t>(std::numeric_limits<T>::min())
      || (std::is_signed_v<T> && wide == std::numeric_limits<T>::min()))
    return fault::overflow;
  out = static_cast<T>(wide);
  return fault::none;
}

template <class T>
fault read_whole(field_text text, T& out) {
  uint64_t number = 0;
  if (text.length <= 8 && detail::digits_to_8(text.data, text.length, number))
    [[likely]] {
    if constexpr (sizeof(T) < 4)
      if (number > static_cast<uint64_t>(std::numeric_limits<T>::max()))
        return fault::overflow;
    out = static_cast<T>(number);
    return fault::none;
  }
  int64_t wide = 0;
  auto why = parse_integer(text.data, text.length, wide);
  if (why == fault::not_number)
    why = read_decimal_whole(text, {}, wide);
  return why == fault::none ? narrow(wide, out) : why;
}

template <class T>
fault read_scaled_whole(field_text text, const number_scale& scale, T& out) {
  int64_t wide = 0;
  const auto why = read_decimal_whole(text, scale, wide);
  return why == fault::none ? narrow(wide, out) : why;
}

fault read_boolean(field_text text, uint8_t& out) {
  const auto truth = text::parse_boolean({text.data, text.length});
  out = truth.value_or(false);
  return truth ? fault::none : fault::not_boolean;
}

fault read_guid(field_text text, std::span<std::byte, text::guid_bytes> out) {
  return text::parse_guid({text.data, text.length}, out) ? fault::none
                                                         : fault::not_guid;
}

fault read_character(field_text text, char& out) {
  out = *text.data;
  return text.length == 1 ? fault::none : fault::not_char;
}

/// "inf" and "-inf", as query results have them.
template <class T>
bool read_infinity(field_text text, T& out) {
  const std::string_view all{text.data, text.length};
  constexpr auto most = std::numeric_limits<T>::max();
  if (all != "inf" && all != "-inf")
    return false;
  out = all == "inf" ? most : -most;
  return true;
}

fault read_month(time_reader& time, field_text text, int32_t& out) {
  // A month is written 2024-01 or 2024.01, or as one of its days.
  std::string whole{text.data, text.length};
  if (whole.size() == 7)
    whole += std::string{whole[4]} + "01";
  whole.reserve(whole.size() + text_slack);
  int32_t day = 0;
  if (const auto why = time.date(whole.data(), whole.size(), day);
      why != fault::none)
    return why;
  const auto civil = text::civil_of(day);
  out = (civil.year - 2000) * 12 + static_cast<int32_t>(civil.month) - 1;
  return fault::none;
}

} // namespace

/// The parsers of all column types, as functions over many rows.
struct column_readers {
  /// Calls `one(text, value)` for each row that is not empty.
  template <class T, class F>
  static void each(column_reader& self, const row_slice& rows,
                   batch_builder& builder, std::vector<refused_value>& refused,
                   F one) {
    auto& values = builder.values(self.column_);
    const auto before = values.size();
    values.resize(before + rows.count * sizeof(T));
    auto* out = values.data() + before;
    const auto field = self.field_;
    const bool last = self.last_;
    for (uint32_t row = 0; row < rows.count; ++row, out += sizeof(T)) {
      const auto text = field_of(rows, row, field, last);
      T value = null_of<T>();
      if (text.length != 0) [[likely]]
        if (const auto why = one(text, value); why != fault::none) [[unlikely]]
          refused.push_back({row, field, why});
      std::memcpy(out, &value, sizeof value);
    }
  }

  template <class T>
  static void whole(column_reader& self, const row_slice& rows,
                    batch_builder& builder,
                    std::vector<refused_value>& refused) {
    each<T>(self, rows, builder, refused, read_whole<T>);
  }

  template <class T>
  static void decimal(column_reader& self, const row_slice& rows,
                      batch_builder& builder,
                      std::vector<refused_value>& refused) {
    const auto scale = *zeroes_of(self.scale_.divide);
    each<T>(self, rows, builder, refused, [scale](field_text text, T& out) {
      return parse_decimal(text.data, text.length, scale, out);
    });
  }

  template <class T>
  static void scaled_decimal(column_reader& self, const row_slice& rows,
                             batch_builder& builder,
                             std::vector<refused_value>& refused) {
    const auto scale = self.scale_;
    each<T>(self, rows, builder, refused, [scale](field_text text, T& out) {
      return parse_scaled({text.data, text.length}, scale, out);
    });
  }

  template <class T>
  static void scaled_whole(column_reader& self, const row_slice& rows,
                           batch_builder& builder,
                           std::vector<refused_value>& refused) {
    const auto scale = self.scale_;
    each<T>(self, rows, builder, refused, [scale](field_text text, T& out) {
      return read_scaled_whole(text, scale, out);
    });
  }

  static void boolean(column_reader& self, const row_slice& rows,
                      batch_builder& builder,
                      std::vector<refused_value>& refused) {
    each<uint8_t>(self, rows, builder, refused, read_boolean);
  }

  static void guid(column_reader& self, const row_slice& rows,
                   batch_builder& builder,
                   std::vector<refused_value>& refused) {
    auto& values = builder.values(self.column_);
    for (uint32_t row = 0; row < rows.count; ++row) {
      const auto text = field_of(rows, row, self.field_, self.last_);
      std::array<std::byte, text::guid_bytes> value{};
      if (text.length != 0)
        if (const auto why = read_guid(text, value); why != fault::none)
          refused.push_back({row, self.field_, why});
      values.insert(values.end(), value.begin(), value.end());
    }
  }

  static void character(column_reader& self, const row_slice& rows,
                        batch_builder& builder,
                        std::vector<refused_value>& refused) {
    each<char>(self, rows, builder, refused, read_character);
  }

  static bool is_in_quotes(field_text text) noexcept {
    return text.length > 1 && text.data[0] == '"'
           && text.data[text.length - 1] == '"';
  }

  static void symbol(column_reader& self, const row_slice& rows,
                     batch_builder& builder, std::vector<refused_value>&) {
    auto& values = builder.values(self.column_);
    const auto before = values.size();
    values.resize(before + rows.count * sizeof(uint32_t));
    auto* out = values.data() + before;
    for (uint32_t row = 0; row < rows.count; ++row, out += sizeof(uint32_t)) {
      const auto text = field_of(rows, row, self.field_, self.last_);
      self.in_quotes_ += self.is_raw_ && is_in_quotes(text);
      const auto code
        = self.symbols_.code_of(builder, self.column_, text.data, text.length);
      std::memcpy(out, &code, sizeof code);
    }
  }

  static void text(column_reader& self, const row_slice& rows,
                   batch_builder& builder, std::vector<refused_value>&) {
    for (uint32_t row = 0; row < rows.count; ++row) {
      const auto field = field_of(rows, row, self.field_, self.last_);
      self.in_quotes_ += self.is_raw_ && is_in_quotes(field);
      builder.append_string(self.column_, {field.data, field.length});
    }
  }

  static void timestamp(column_reader& self, const row_slice& rows,
                        batch_builder& builder,
                        std::vector<refused_value>& refused) {
    // A copy on the stack: the compiler then knows that storing values does
    // not change it.
    auto time = self.time_;
    each<int64_t>(
      self, rows, builder, refused, [&](field_text text, int64_t& out) {
        const auto why = time.timestamp(text.data, text.length, out);
        // A row whose own time is infinite is found by no query.
        return why != fault::none && !self.rows_have_it_
                   && read_infinity(text, out)
                 ? fault::none
                 : why;
      });
    self.time_ = time;
  }

  static void date(column_reader& self, const row_slice& rows,
                   batch_builder& builder,
                   std::vector<refused_value>& refused) {
    each<int32_t>(self, rows, builder, refused,
                  [&](field_text text, int32_t& out) {
                    return read_infinity(text, out)
                             ? fault::none
                             : self.time_.date(text.data, text.length, out);
                  });
  }

  static void month(column_reader& self, const row_slice& rows,
                    batch_builder& builder,
                    std::vector<refused_value>& refused) {
    each<int32_t>(
      self, rows, builder, refused, [&](field_text text, int32_t& out) {
        return read_infinity(text, out) ? fault::none
                                        : read_month(self.time_, text, out);
      });
  }

  /// timespan, time, second, minute: the time of day in units of Unit ns.
  template <class T, int64_t Unit>
  static void of_day(column_reader& self, const row_slice& rows,
                     batch_builder& builder,
                     std::vector<refused_value>& refused) {
    each<T>(self, rows, builder, refused, [&](field_text text, T& out) {
      if (read_infinity(text, out))
        return fault::none;
      int64_t count = 0;
      const auto why = self.time_.span(text.data, text.length, Unit, count);
      return why == fault::none ? narrow(count, out) : why;
    });
  }
};

column_reader::read_function column_reader::choose(column_type type,
                                                   bool plain_scale) {
  using all = column_readers;
  if (!plain_scale)
    switch (type) {
      case column_type::short_:
        return all::scaled_whole<int16_t>;
      case column_type::int_:
        return all::scaled_whole<int32_t>;
      case column_type::long_:
        return all::scaled_whole<int64_t>;
      case column_type::real:
        return all::scaled_decimal<float>;
      case column_type::float_:
        return all::scaled_decimal<double>;
      default:
        break;
    }
  switch (type) {
    case column_type::boolean:
      return all::boolean;
    case column_type::guid:
      return all::guid;
    case column_type::byte_:
      return all::whole<uint8_t>;
    case column_type::short_:
      return all::whole<int16_t>;
    case column_type::int_:
      return all::whole<int32_t>;
    case column_type::long_:
      return all::whole<int64_t>;
    case column_type::real:
      return all::decimal<float>;
    case column_type::float_:
      return all::decimal<double>;
    case column_type::char_:
      return all::character;
    case column_type::symbol:
      return all::symbol;
    case column_type::timestamp:
      return all::timestamp;
    case column_type::month:
      return all::month;
    case column_type::date:
      return all::date;
    case column_type::timespan:
      return all::of_day<int64_t, 1>;
    case column_type::minute:
      return all::of_day<int32_t, 60'000'000'000>;
    case column_type::second:
      return all::of_day<int32_t, 1'000'000'000>;
    case column_type::time:
      return all::of_day<int32_t, 1'000'000>;
    case column_type::string:
      return all::text;
  }
  return nullptr;
}

namespace {

/// A short power of ten moves the point of a decimal; every other scale is
/// reckoned with.
bool is_plain(const number_scale& scale, column_type type) {
  const bool decimal = type == column_type::float_ || type == column_type::real;
  return scale == number_scale{}
         || (decimal && scale.multiply == 1
             && zeroes_of(scale.divide).value_or(UINT32_MAX)
                  <= short_scale_zeroes);
}

} // namespace

column_reader::column_reader(const binding& fitted, size_t index)
  : read_{choose(
    fitted.schema.columns[fitted.fields[index].column].type,
    is_plain(fitted.fields[index].scale,
             fitted.schema.columns[fitted.fields[index].column].type))},
    column_{fitted.fields[index].column},
    source_field_{fitted.fields[index].fields.front()},
    rewrite_{fitted.fields[index].rules, fitted.fields[index].fields,
             fitted.field_count},
    field_{rewrite_.idle() ? source_field_ : 0},
    last_{!rewrite_.idle() || source_field_ + 1 == fitted.field_count},
    scale_{fitted.fields[index].scale},
    time_{fitted.fields[index].format, fitted.fields[index].clock, fitted.date,
          fitted.fields[index].pattern.get(), fitted.fields[index].count} {
  MILLRACE_ASSERT(read_ != nullptr);
  is_raw_ = !fitted.quote && !fitted.json.on();
  rows_have_it_ = column_ == fitted.time_column;
  if (fitted.date_is_for_times && column_ == fitted.time_column)
    time_.refuse_own_dates();
  if (fitted.fields[index].has_date)
    time_.expect_dates();
}

void column_reader::read_rewritten(const row_slice& rows,
                                   batch_builder& builder,
                                   std::vector<refused_value>& refused) {
  const auto before = refused.size();
  read_(*this, rewrite_.apply(rows), builder, refused);
  for (auto i = before; i < refused.size(); ++i) {
    refused[i].field = source_field_;
    if (refused[i].why == fault::not_number
        && rewrite_.misgrouped(rows, refused[i].row))
      refused[i].why = fault::misgrouped;
  }
}

void column_reader::judge(const row_slice& rows,
                          std::vector<refused_value>& refused) {
  if (!rewrite_.judges()) [[likely]]
    return;
  for (uint32_t row = 0; row < rows.count; ++row)
    if (const auto why = rewrite_.judge(rows, row); why != fault::none)
      refused.push_back({row, source_field_, why});
}

fault read_value(column_type type, std::string_view text, std::string& bytes) {
  std::string padded{text};
  padded.resize(text.size() + text_slack, '\n');
  auto utc = zone_clock::open("UTC");
  if (!utc)
    return fault::not_time;
  binding one;
  one.schema.columns = {{"value", type}};
  one.field_count = 1;
  one.time_column = one.schema.columns.size(); // It is none.
  one.fields.push_back(
    {0, {0}, time_format::iso, nullptr, {}, false, {}, {}, *utc});
  batch_builder builder{one.schema};
  column_reader reader{one, 0};
  const uint32_t bounds[2] = {UINT32_MAX, static_cast<uint32_t>(text.size())};
  const uint32_t first = 0;
  std::vector<refused_value> refused;
  reader.read({padded.data(), bounds, &first, bounds + 1, 1}, builder, refused);
  if (!refused.empty())
    return refused.front().why;
  const auto& values = builder.values(0);
  bytes.assign(reinterpret_cast<const char*>(values.data()), values.size());
  return fault::none;
}

void append_nulls(batch_builder& builder, size_t column, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    builder.append_null(column);
}

} // namespace millrace::feed
