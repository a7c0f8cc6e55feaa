#include <millrace/query/table/columns.hpp>
#include <millrace/query/table/value_width.hpp>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace millrace::query {

void move_into(column_data& column, text::interner& texts) {
  std::tie(column.dictionary_ends, column.bytes) = texts.take();
}

void copy_into(column_data& column, const text::interner& texts) {
  column.dictionary_ends = texts.ends();
  column.bytes = texts.bytes();
}

column_ref ref_of(const persistence::column_view& view) noexcept {
  return {view.type, view.values, view.dictionary, nullptr, view.text};
}

column_ref ref_of(const column_data& column) noexcept {
  return {column.type, column.values.data(), nullptr,
          column.dictionary_ends.data(), column.bytes.data()};
}

void push_integer(column_data& column, int64_t value) {
  const bool null = value == null_long;
  switch (width_of(column.type)) {
    case 1:
      return column.push(static_cast<uint8_t>(
        !null ? value : (column.type == column_type::char_ ? ' ' : 0)));
    case 2:
      return column.push(null ? null_short : static_cast<int16_t>(value));
    case 4:
      return column.push(null ? null_int : static_cast<int32_t>(value));
    default:
      return column.push(value);
  }
}

void push_float(column_data& column, double value) {
  if (column.type == column_type::real)
    column.push(static_cast<float>(value));
  else
    column.push(value);
}

int64_t integer_at(const column_ref& column, size_t row) noexcept {
  if (!column.values)
    return null_long;
  return with_integer(column.type, [&](auto load) {
    using raw = typename decltype(load)::raw;
    return load.widen(column.as<raw>()[row]);
  });
}

double float_at(const column_ref& column, size_t row) noexcept {
  if (!column.values)
    return std::numeric_limits<double>::quiet_NaN();
  if (column.type == column_type::float_)
    return column.as<double>()[row];
  if (column.type == column_type::real)
    return static_cast<double>(column.as<float>()[row]);
  const auto value = integer_at(column, row);
  return value == null_long ? std::numeric_limits<double>::quiet_NaN()
                            : static_cast<double>(value);
}

column_writer::column_writer(std::string name, column_type type) {
  out_.name = std::move(name);
  out_.type = type;
}

void column_writer::append_nulls(size_t count) {
  if (out_.type == column_type::guid) {
    out_.values.resize(out_.values.size() + 16 * count);
  } else if (is_text(out_.type)) {
    const auto value = out_.type == column_type::symbol
                         ? 0u
                         : static_cast<uint32_t>(out_.bytes.size());
    for (size_t i = 0; i < count; ++i)
      out_.push(value);
  } else {
    for (size_t i = 0; i < count; ++i)
      if (is_float(out_.type))
        push_float(out_, std::numeric_limits<double>::quiet_NaN());
      else
        push_integer(out_, null_long);
  }
  rows_ += count;
}

void column_writer::append_text(std::string_view text) {
  ++rows_;
  if (out_.type == column_type::symbol)
    return out_.push(pool_.code(text));
  if (out_.bytes.size() + text.size() > std::numeric_limits<uint32_t>::max())
    overflow_ = true;
  else
    out_.bytes.append(text);
  out_.push(static_cast<uint32_t>(out_.bytes.size()));
}

template <class RowOf>
void column_writer::append_texts(const column_ref& from, const void* key,
                                 RowOf row_of, size_t count) {
  if (out_.type != column_type::symbol || from.type != column_type::symbol) {
    for (size_t i = 0; i < count; ++i)
      append_text(from.text(row_of(i)));
    return;
  }
  if (key != map_key_) {
    map_.clear();
    map_key_ = key;
  }
  const auto* codes = from.as<uint32_t>();
  uint32_t most = 0;
  for (size_t i = 0; i < count; ++i)
    most = std::max(most, codes[row_of(i)]);
  if (most >= map_.size())
    map_.resize(std::max<size_t>(size_t{most} + 1, map_.size() * 2), 0);
  // They overlap with nothing.
  auto* __restrict own = out_.extend<uint32_t>(count);
  const auto* __restrict known = map_.data();
  rows_ += count;
  for (size_t i = 0; i < count; ++i)
    own[i] = known[codes[row_of(i)]] - 1;
  // What is not known yet is the largest number.
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i)
    largest = std::max(largest, own[i]);
  if (largest != ~uint32_t{0})
    return;
  for (size_t i = 0; i < count; ++i) {
    auto& mapped = map_[codes[row_of(i)]];
    if (mapped == 0)
      mapped = pool_.code(from.entry(codes[row_of(i)])) + 1;
    own[i] = mapped - 1;
  }
}

template <class RowOf>
void column_writer::append_any(const column_ref& from, const void* key,
                               RowOf row_of, size_t count) {
  if (!from.values)
    return append_nulls(count);
  if (is_text(out_.type))
    return append_texts(from, key, row_of, count);
  rows_ += count;
  if (from.type != out_.type) {
    for (size_t i = 0; i < count; ++i)
      if (is_float(out_.type))
        push_float(out_, float_at(from, row_of(i)));
      else
        push_integer(out_, integer_at(from, row_of(i)));
    return;
  }
  const auto width = width_of(out_.type);
  const auto start = out_.values.size();
  out_.values.resize(start + width * count);
  auto* to = out_.values.data() + start;
  // Rows that lie apart are fetched so many at a time.
  constexpr size_t ahead = 32;
  auto copy = [&]<size_t Width>() {
    const auto* values = from.values;
    const auto fetched = count < ahead ? 0 : count - ahead;
    for (size_t i = 0; i < count; ++i) {
      if (i < fetched)
        __builtin_prefetch(values + size_t{row_of(i + ahead)} * Width);
      std::memcpy(to + i * Width, values + size_t{row_of(i)} * Width, Width);
    }
  };
  with_width(out_.type, copy);
}

void column_writer::append(const column_ref& from, const void* key,
                           const uint32_t* rows, size_t count) {
  append_any(
    from, key, [rows](size_t i) { return rows[i]; }, count);
}

void column_writer::append_range(const column_ref& from, const void* key,
                                 size_t begin, size_t end) {
  if (from.values && from.type == out_.type && !is_text(out_.type)) {
    const auto width = width_of(out_.type);
    out_.values.insert(out_.values.end(), from.values + begin * width,
                       from.values + end * width);
    rows_ += end - begin;
    return;
  }
  append_any(
    from, key, [begin](size_t i) { return begin + i; }, end - begin);
}

result<column_data> column_writer::finish() {
  if (overflow_)
    return error{errc::limit_exceeded, "column '" + out_.name
                                         + "': more than 4 GiB of text in one "
                                           "piece of a result"};
  if (out_.type == column_type::symbol)
    move_into(out_, pool_);
  return std::move(out_);
}

} // namespace millrace::query
