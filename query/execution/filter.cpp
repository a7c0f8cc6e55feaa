#include <millrace/query/execution/filter.hpp>
#include <millrace/query/execution/like.hpp>
#include <millrace/query/execution/range_bits.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>

namespace millrace::query {

namespace {

constexpr auto infinity = std::numeric_limits<double>::infinity();
/// Symbols compared one by one up to here, by a table of flags beyond.
constexpr size_t few_codes_max = 4;

/// An inclusive range of widened integers; empty when low > high.
struct integer_interval {
  int64_t low;
  int64_t high;
};
constexpr integer_interval nothing{inf_long, null_long};

integer_interval compare(predicate_op op, int64_t value) {
  switch (op) {
    case predicate_op::less:
      return value == null_long ? nothing
                                : integer_interval{null_long, value - 1};
    case predicate_op::less_equal:
      return {null_long, value};
    case predicate_op::greater:
      return value == inf_long ? nothing
                               : integer_interval{value + 1, inf_long};
    case predicate_op::greater_equal:
      return {value, inf_long};
    default:
      return {value, value};
  }
}

/// Bounds of integers against a fraction; exact, also beyond 64 bits.
integer_interval compare(predicate_op op, double value) {
  constexpr double limit = 9223372036854775808.0;
  if (std::isnan(value))
    return compare(op, null_long);
  const double down = std::floor(value);
  const bool whole = down == value;
  // -2^63 itself stands for null, so it is below every integer.
  const bool below = down <= -limit;
  const bool above = down >= limit;
  const auto floor_value = below   ? null_long
                           : above ? inf_long
                                   : static_cast<int64_t>(down);
  switch (op) {
    case predicate_op::less:
      if (above)
        return {null_long, inf_long};
      return whole && !below ? compare(op, floor_value)
                             : integer_interval{null_long, floor_value};
    case predicate_op::less_equal:
      return {null_long, floor_value};
    case predicate_op::greater:
    case predicate_op::greater_equal:
      if (above)
        return nothing;
      if (below)
        return {-inf_long, inf_long};
      return whole && op == predicate_op::greater_equal
               ? integer_interval{std::max(floor_value, -inf_long), inf_long}
               : compare(predicate_op::greater, floor_value);
    default:
      return whole && !below && !above
               ? integer_interval{floor_value, floor_value}
               : nothing;
  }
}

integer_interval compare_literal(predicate_op op, const literal& value,
                                 column_type native) {
  if (const auto* integer = std::get_if<int64_t>(&value))
    return compare(op, *integer);
  if (const auto* number = std::get_if<double>(&value))
    return compare(op, *number);
  if (const auto* text = std::get_if<std::string>(&value))
    return compare(
      op, static_cast<int64_t>(static_cast<unsigned char>(text->at(0))));
  // A blank is the null of char, and an ordinary character in its order.
  return compare(op, native == column_type::char_ ? int64_t{' '} : null_long);
}

double float_of(const literal& value) {
  if (const auto* integer = std::get_if<int64_t>(&value))
    return *integer == null_long ? std::numeric_limits<double>::quiet_NaN()
                                 : static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value))
    return *number;
  return std::numeric_limits<double>::quiet_NaN();
}

bool is_set(const predicate& spec) { return spec.op == predicate_op::in; }

} // namespace

bound_filter::bound_filter(const predicate& spec, uint32_t column,
                           column_type native,
                           const persistence::symbol_dictionary* dictionary)
  : op_{spec.op}, type_{native}, negated_{spec.negated}, column_{column} {
  if (op_ == predicate_op::not_equal) {
    op_ = predicate_op::equal;
    negated_ = true;
  }
  if (op_ == predicate_op::like)
    like_ = std::make_shared<const like_pattern>(
      std::get<std::string>(spec.values[0]));
  if (native == column_type::symbol) {
    bind_symbols(spec, dictionary);
    return;
  }
  if (native == column_type::string || native == column_type::guid) {
    kind_ = native == column_type::guid ? kind::guids : kind::texts;
    for (const auto& value : spec.values)
      if (const auto* text = std::get_if<std::string>(&value))
        texts_.push_back(*text);
      else
        texts_.emplace_back(native == column_type::guid ? 16u : 0u, '\0');
    if (is_set(spec))
      std::sort(texts_.begin(), texts_.end());
    return;
  }
  if (is_float(native))
    bind_floats(spec, native);
  else
    bind_integers(spec, native);
}

void bound_filter::bind_integers(const predicate& spec, column_type native) {
  if (is_set(spec)) {
    kind_ = kind::integer_set;
    for (const auto& value : spec.values) {
      const auto one = compare_literal(predicate_op::equal, value, native);
      if (one.low == one.high)
        set_.push_back(one.low);
    }
    std::sort(set_.begin(), set_.end());
    return;
  }
  kind_ = kind::integers;
  auto interval
    = op_ == predicate_op::within
        ? compare_literal(predicate_op::greater_equal, spec.values[0], native)
        : compare_literal(op_, spec.values[0], native);
  if (op_ == predicate_op::within)
    interval.high = std::min(
      interval.high,
      compare_literal(predicate_op::less_equal, spec.values[1], native).high);
  low_ = interval.low;
  high_ = interval.high;
}

void bound_filter::bind_floats(const predicate& spec, column_type) {
  if (is_set(spec)) {
    kind_ = kind::float_set;
    for (const auto& value : spec.values) {
      const auto x = float_of(value);
      if (std::isnan(x))
        nulls_ = true;
      else
        float_set_.push_back(x);
    }
    std::sort(float_set_.begin(), float_set_.end());
    return;
  }
  kind_ = kind::floats;
  low_float_ = -infinity;
  high_float_ = infinity;
  auto empty = [&] {
    low_float_ = infinity;
    high_float_ = -infinity;
  };
  const auto x = float_of(spec.values[0]);
  const bool null = std::isnan(x);
  switch (op_) {
    case predicate_op::less:
      nulls_ = !null;
      if (null || x == -infinity)
        return empty();
      high_float_ = std::nextafter(x, -infinity);
      return;
    case predicate_op::less_equal:
      nulls_ = true;
      if (null)
        return empty();
      high_float_ = x;
      return;
    case predicate_op::greater:
      if (null)
        return;
      if (x == infinity)
        return empty();
      low_float_ = std::nextafter(x, infinity);
      return;
    case predicate_op::greater_equal:
      nulls_ = null;
      if (!null)
        low_float_ = x;
      return;
    case predicate_op::within: {
      const auto y = float_of(spec.values[1]);
      nulls_ = null;
      if (!null)
        low_float_ = x;
      if (std::isnan(y))
        return empty();
      high_float_ = y;
      return;
    }
    default:
      nulls_ = null;
      if (null)
        return empty();
      low_float_ = high_float_ = x;
      return;
  }
}

void bound_filter::bind_symbols(
  const predicate& spec, const persistence::symbol_dictionary* dictionary) {
  for (const auto& value : spec.values)
    texts_.push_back(std::holds_alternative<std::string>(value)
                       ? std::get<std::string>(value)
                       : std::string{});
  if (op_ == predicate_op::equal || op_ == predicate_op::in) {
    kind_ = kind::codes;
    for (const auto& text : texts_) {
      if (text.empty()) {
        codes_.push_back(0);
        continue;
      }
      if (const auto code = dictionary ? dictionary->find(text) : std::nullopt)
        codes_.push_back(*code);
    }
    std::sort(codes_.begin(), codes_.end());
    codes_.erase(std::unique(codes_.begin(), codes_.end()), codes_.end());
    if (codes_.size() > few_codes_max) {
      // Both forms: the flags for rows, the list for ranges and indexes.
      code_flags_.assign(dictionary ? dictionary->size() : 1, 0);
      for (const auto code : codes_)
        if (code < code_flags_.size())
          code_flags_[code] = 1;
    }
    return;
  }
  kind_ = kind::code_flags;
  const auto size = dictionary ? dictionary->size() : 1;
  code_flags_.assign(size, 0);
  for (uint32_t code = 0; code < size; ++code)
    code_flags_[code]
      = passes_text(code == 0 ? std::string_view{} : dictionary->text(code))
        != negated_;
  negated_ = false;
}

bool bound_filter::passes_text(std::string_view text) const {
  switch (op_) {
    case predicate_op::less:
      return text < texts_[0];
    case predicate_op::less_equal:
      return text <= texts_[0];
    case predicate_op::greater:
      return text > texts_[0];
    case predicate_op::greater_equal:
      return text >= texts_[0];
    case predicate_op::within:
      return texts_[0] <= text && text <= texts_[1];
    case predicate_op::like:
      return like_->matches(text);
    default:
      return std::binary_search(texts_.begin(), texts_.end(), text,
                                std::less<std::string_view>{});
  }
}

bool bound_filter::passes_code(uint32_t code) const noexcept {
  if (kind_ == kind::codes && code_flags_.empty())
    return std::binary_search(codes_.begin(), codes_.end(), code) != negated_;
  return (code < code_flags_.size() && code_flags_[code] != 0) != negated_;
}

bool bound_filter::passes_null() const noexcept {
  bool pass = false;
  switch (kind_) {
    case kind::integers:
      // Types without a null read as zero, a char as a blank.
      if (type_ == column_type::boolean || type_ == column_type::byte_)
        pass = low_ <= 0 && 0 <= high_;
      else if (type_ == column_type::char_)
        pass = low_ <= ' ' && ' ' <= high_;
      else
        pass = low_ == null_long && low_ <= high_;
      break;
    case kind::integer_set: {
      const auto null
        = type_ == column_type::boolean || type_ == column_type::byte_
            ? int64_t{0}
          : type_ == column_type::char_ ? int64_t{' '}
                                        : null_long;
      pass = std::binary_search(set_.begin(), set_.end(), null);
      break;
    }
    case kind::floats:
    case kind::float_set:
      pass = nulls_;
      break;
    case kind::codes:
    case kind::code_flags:
      return passes_code(0);
    case kind::texts:
      pass = passes_text({});
      break;
    case kind::guids:
      pass = std::find(texts_.begin(), texts_.end(), std::string(16, '\0'))
             != texts_.end();
      break;
  }
  return pass != negated_;
}

bool bound_filter::excludes(const persistence::zone_map& zone) const noexcept {
  // Only ranges say something about a zone, and only when nulls, which the
  // zone does not count, do not pass.
  if (negated_ || type_ == column_type::char_ || passes_null())
    return false;
  if (kind_ == kind::integers)
    return zone.empty || zone.high < low_ || high_ < zone.low;
  if (kind_ == kind::floats)
    return zone.empty || zone.high_float < low_float_
           || high_float_ < zone.low_float;
  if (kind_ == kind::codes)
    return std::none_of(codes_.begin(), codes_.end(), [&](uint32_t code) {
      return !zone.empty && zone.low <= code && code <= zone.high;
    });
  return false;
}

bool bound_filter::includes(const persistence::zone_map& zone) const noexcept {
  return kind_ == kind::integers && !negated_ && !zone.empty
         && !zone.may_be_null && low_ <= zone.low && zone.high <= high_;
}

template <class Pass>
void bound_filter::clear_rows(uint32_t base, const uint16_t* rows,
                              uint32_t count, uint8_t* mask, Pass pass) const {
  const int flip = negated_ ? 1 : 0;
  auto clear = [&](uint32_t i, uint32_t row) {
    mask[i] = static_cast<uint8_t>(mask[i] & (int{pass(row)} ^ flip));
  };
  if (rows)
    for (uint32_t i = 0; i < count; ++i)
      clear(i, base + rows[i]);
  else
    for (uint32_t i = 0; i < count; ++i)
      clear(i, base + i);
}

template <class Raw>
std::pair<Raw, Raw> bound_filter::range_of() const noexcept {
  constexpr auto null = std::numeric_limits<Raw>::min();
  constexpr int64_t lowest = std::is_signed_v<Raw> ? int64_t{null} + 1 : 0;
  constexpr int64_t highest = std::numeric_limits<Raw>::max();
  const bool with_null = std::is_signed_v<Raw> && low_ == null_long;
  if (low_ > high_ || (low_ > highest) || (high_ < lowest && !with_null))
    return {Raw{1}, Raw{0}};
  return {with_null ? null : static_cast<Raw>(std::max(low_, lowest)),
          high_ < lowest ? null : static_cast<Raw>(std::min(high_, highest))};
}

bool bound_filter::apply_bits(const column_ref& column, uint32_t base,
                              uint32_t count, uint64_t* bits) const {
  if (!column.values || negated_)
    return false;
  if (kind_ == kind::floats && column.type == column_type::float_) {
    keep_in_range(column.as<double>() + base, count, low_float_, high_float_,
                  nulls_, bits);
    return true;
  }
  if (kind_ != kind::integers)
    return false;
  const auto keep = [&]<class Raw>(Raw) {
    const auto [low, high] = range_of<Raw>();
    keep_in_range(column.as<Raw>() + base, count, low, high, bits);
    return true;
  };
  switch (width_of(column.type)) {
    case 4:
      return keep(int32_t{});
    case 8:
      return keep(int64_t{});
    default:
      return false;
  }
}

void bound_filter::apply_integers(const column_ref& column, uint32_t base,
                                  const uint16_t* rows, uint32_t count,
                                  uint8_t* mask) const {
  auto run = [&]<class Raw>(Raw) {
    const auto* from = column.as<Raw>();
    constexpr auto null = std::numeric_limits<Raw>::min();
    if (kind_ == kind::integer_set) {
      clear_rows(base, rows, count, mask, [&](uint32_t row) {
        const auto x = std::is_signed_v<Raw> && from[row] == null
                         ? null_long
                         : static_cast<int64_t>(from[row]);
        return std::binary_search(set_.begin(), set_.end(), x);
      });
      return;
    }
    const auto [first, last] = range_of<Raw>();
    const auto low = first;
    const auto high = last;
    clear_rows(base, rows, count, mask, [=](uint32_t row) {
      return static_cast<bool>((low <= from[row]) & (from[row] <= high));
    });
  };
  switch (width_of(column.type)) {
    case 1:
      return run(uint8_t{});
    case 2:
      return run(int16_t{});
    case 4:
      return run(int32_t{});
    default:
      return run(int64_t{});
  }
}

void bound_filter::apply_floats(const column_ref& column, uint32_t base,
                                const uint16_t* rows, uint32_t count,
                                uint8_t* mask) const {
  with_float(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.as<typename loader::raw>();
    if (kind_ == kind::float_set) {
      clear_rows(base, rows, count, mask, [&](uint32_t row) {
        const double x = loader::widen(from[row]);
        return x != x
                 ? nulls_
                 : std::binary_search(float_set_.begin(), float_set_.end(), x);
      });
      return;
    }
    const double low = low_float_;
    const double high = high_float_;
    if (nulls_)
      clear_rows(base, rows, count, mask, [=](uint32_t row) {
        const double x = loader::widen(from[row]);
        return static_cast<bool>(((low <= x) & (x <= high)) | (x != x));
      });
    else
      clear_rows(base, rows, count, mask, [=](uint32_t row) {
        const double x = loader::widen(from[row]);
        return static_cast<bool>((low <= x) & (x <= high));
      });
  });
}

void bound_filter::apply_codes(const column_ref& column, uint32_t base,
                               const uint16_t* rows, uint32_t count,
                               uint8_t* mask) const {
  const auto* codes = column.as<uint32_t>();
  if (!code_flags_.empty()) {
    const auto* flags = code_flags_.data();
    const auto size = code_flags_.size();
    clear_rows(base, rows, count, mask, [=](uint32_t row) {
      return codes[row] < size && flags[codes[row]] != 0;
    });
    return;
  }
  if (codes_.size() == 1) {
    const auto one = codes_[0];
    clear_rows(base, rows, count, mask,
               [=](uint32_t row) { return codes[row] == one; });
    return;
  }
  clear_rows(base, rows, count, mask, [&](uint32_t row) {
    bool found = false;
    for (const auto code : codes_)
      found |= codes[row] == code;
    return found;
  });
}

bool bound_filter::seek_texts(const column_ref& column, uint32_t base,
                              uint32_t count, uint8_t* mask) const {
  const std::span ends{column.as<uint32_t>() + base, count};
  const auto begin = base == 0 ? 0 : ends.data()[-1];
  // Zeros may stand for what a store lost; that is found out later.
  uint32_t before = begin;
  bool ascends = count <= vector_rows;
  for (const auto end : ends) {
    ascends &= before <= end;
    before = end;
  }
  if (!ascends)
    return false;
  uint8_t found[vector_rows] = {};
  like_->seek(column.bytes, begin, ends, found);
  const uint8_t flip = negated_ ? 1 : 0;
  for (uint32_t i = 0; i < count; ++i)
    mask[i] = static_cast<uint8_t>(mask[i] & (found[i] ^ flip));
  return true;
}

void bound_filter::apply(const column_ref& column, uint32_t base,
                         const uint16_t* rows, uint32_t count,
                         uint8_t* mask) const {
  if (!column.values) {
    if (!passes_null())
      std::fill_n(mask, count, uint8_t{0});
    return;
  }
  switch (kind_) {
    case kind::integers:
    case kind::integer_set:
      return apply_integers(column, base, rows, count, mask);
    case kind::floats:
    case kind::float_set:
      return apply_floats(column, base, rows, count, mask);
    case kind::codes:
    case kind::code_flags:
      return apply_codes(column, base, rows, count, mask);
    case kind::texts:
      if (!rows && like_ && like_->seeks_word()
          && seek_texts(column, base, count, mask))
        return;
      return clear_rows(base, rows, count, mask, [&](uint32_t row) {
        return passes_text(column.text(row));
      });
    case kind::guids:
      return clear_rows(base, rows, count, mask, [&](uint32_t row) {
        const auto* value
          = reinterpret_cast<const char*>(column.values) + size_t{16} * row;
        return std::binary_search(texts_.begin(), texts_.end(),
                                  std::string_view{value, 16},
                                  std::less<std::string_view>{});
      });
  }
}

uint32_t select_bits(const uint64_t* bits, uint32_t count,
                     uint16_t* offsets) noexcept {
  uint32_t found = 0;
  for (uint32_t first = 0; first < count; first += 64)
    for (auto left = *bits++; left != 0; left &= left - 1)
      offsets[found++] = static_cast<uint16_t>(
        first + static_cast<uint32_t>(std::countr_zero(left)));
  return found;
}

uint32_t select(const uint8_t* mask, uint32_t count,
                uint16_t* offsets) noexcept {
  uint32_t found = 0;
  uint32_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, mask + i, 8);
    if (bytes == 0)
      continue;
    // Gathers the eight low bits into the top byte.
    auto bits = static_cast<uint32_t>((bytes * 0x0102040810204080ULL) >> 56);
    while (bits != 0) {
      offsets[found++] = static_cast<uint16_t>(
        i + static_cast<uint32_t>(std::countr_zero(bits)));
      bits &= bits - 1;
    }
  }
  for (; i < count; ++i)
    if (mask[i])
      offsets[found++] = static_cast<uint16_t>(i);
  return found;
}

} // namespace millrace::query
