#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace millrace::query {

text_pool::text_pool() : ends_(1, 0), slots_(64, 0) {}

uint32_t text_pool::intern(std::string_view wanted) {
  if (wanted.empty())
    return 0;
  const auto mask = slots_.size() - 1;
  auto slot = std::hash<std::string_view>{}(wanted)&mask;
  while (slots_[slot] != 0) {
    if (text(slots_[slot] - 1) == wanted)
      return slots_[slot] - 1;
    slot = (slot + 1) & mask;
  }
  const auto id = size();
  // 4 GiB of distinct text is beyond every memory budget.
  MILLRACE_ASSERT(bytes_.size() + wanted.size()
                  <= std::numeric_limits<uint32_t>::max());
  bytes_.append(wanted);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  slots_[slot] = id + 1;
  if (ends_.size() * 2 > slots_.size())
    grow();
  return id;
}

void text_pool::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const auto mask = slots_.size() - 1;
  for (uint32_t id = 1; id < size(); ++id) {
    auto slot = std::hash<std::string_view>{}(text(id)) & mask;
    while (slots_[slot] != 0)
      slot = (slot + 1) & mask;
    slots_[slot] = id + 1;
  }
}

void text_pool::move_into(column_data& column) {
  column.dictionary_ends = std::move(ends_);
  column.bytes = std::move(bytes_);
  *this = text_pool{};
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
    return out_.push(pool_.intern(text));
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
  auto at = out_.values.size();
  out_.values.resize(at + 4 * count);
  for (size_t i = 0; i < count; ++i, at += 4) {
    const auto code = codes[row_of(i)];
    if (code >= map_.size())
      map_.resize(std::max<size_t>(code + 1, map_.size() * 2), 0);
    if (map_[code] == 0)
      map_[code] = pool_.intern(from.entry(code)) + 1;
    const auto own = map_[code] - 1;
    std::memcpy(out_.values.data() + at, &own, 4);
  }
  rows_ += count;
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
  auto copy = [&]<size_t Width>() {
    for (size_t i = 0; i < count; ++i)
      std::memcpy(to + i * Width, from.values + size_t{row_of(i)} * Width,
                  Width);
  };
  switch (width) {
    case 1:
      return copy.template operator()<1>();
    case 2:
      return copy.template operator()<2>();
    case 4:
      return copy.template operator()<4>();
    case 8:
      return copy.template operator()<8>();
    default:
      return copy.template operator()<16>();
  }
}

void column_writer::append(const column_ref& from, const void* key,
                           const uint32_t* rows, size_t count) {
  append_any(
    from, key, [rows](size_t i) { return rows[i]; }, count);
}

void column_writer::append_range(const column_ref& from, const void* key,
                                 size_t begin, size_t end) {
  append_any(
    from, key, [begin](size_t i) { return begin + i; }, end - begin);
}

result<column_data> column_writer::finish() {
  if (overflow_)
    return error{errc::limit_exceeded, "column '" + out_.name
                                         + "': more than 4 GiB of text in one "
                                           "piece of a result"};
  if (out_.type == column_type::symbol)
    pool_.move_into(out_);
  return std::move(out_);
}

} // namespace millrace::query
