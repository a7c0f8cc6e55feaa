#include <millrace/query/execution/scan.hpp>
#include <millrace/query/plan/bar.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::query {

namespace {

/// Entries of the dense tables of one morsel; beyond, the hash index serves.
constexpr size_t dense_max = size_t{1} << 22;
constexpr uint32_t dense_dictionary_max = 1u << 16;

/// Rows of a vector by which it is told whether neighbours are of one group.
constexpr uint32_t looked_at = 64;

bool repeats(const uint64_t* keys, uint32_t count, uint32_t words) noexcept {
  for (uint32_t i = 1; i < count; ++i)
    if (same_key(keys + size_t{i} * words, keys + (i - 1) * size_t{words},
                 words))
      return true;
  return false;
}

bool is_fast_bar(const plan_shape::key_item& key, const plan_shape& shape) {
  const auto type = shape.plan.types[key.column].type;
  return key.is_span()
         && (type == column_type::timestamp || type == column_type::timespan);
}

/// Of vectors as they come out of the compiler: std::max_element goes one by
/// one.
uint32_t largest_of(const uint32_t* values, uint32_t count) noexcept {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < count; ++i)
    largest = std::max(largest, values[i]);
  return largest;
}

} // namespace

group_assigner::group_assigner(const plan_shape& shape,
                               const part_binding& binding)
  : shape_{shape}, binding_{binding}, index_{shape.key_words},
    pools_(shape.keys.size()), days_{shape.plan.day_zone,
                                     shape.plan.day_offset_ns} {
  const auto& keys = shape.keys;
  words_.resize(size_t{vector_rows} * shape.key_words + 1);
  auto symbol_at = [&](size_t k) {
    return !keys[k].is_span()
           && binding.dictionaries[keys[k].column] != nullptr;
  };
  runs_ = !keys.empty() && keys.size() <= 2;
  size_t symbols = 0;
  size_t bars = 0;
  for (size_t k = 0; k < keys.size(); ++k) {
    const auto column = keys[k].column;
    const bool symbol = symbol_at(k);
    const bool bar = is_fast_bar(keys[k], shape)
                     && binding.columns[column] != part_binding::absent;
    symbols += symbol;
    bars += bar;
    if (symbol)
      symbol_key_ = k;
    if (bar)
      bar_key_ = k;
    runs_ &= (symbol && column == binding.sort_symbol)
             || (bar && column == binding.sort_time);
  }
  runs_ &= symbols <= 1 && bars <= 1;
  if (symbols == 1)
    dictionary_size_ = binding.dictionaries[keys[symbol_key_].column]->size();
  const bool small = dictionary_size_ <= dense_dictionary_max;
  if (keys.empty())
    mode_ = mode::none;
  else if (keys.size() == 1 && symbols == 1)
    mode_ = mode::symbol;
  else if (keys.size() == 1 && bars == 1)
    mode_ = mode::bar;
  else if (keys.size() == 2 && symbols == 1 && bars == 1 && small)
    mode_ = mode::symbol_bar;
  else
    mode_ = mode::general;
}

size_t group_assigner::byte_count() const noexcept {
  size_t total = index_.byte_count() + words_.capacity() * 8
                 + dense_.capacity() * 4 + bars_.byte_count();
  for (const auto& pool : pools_)
    total += pool.byte_count();
  return total;
}

int64_t group_assigner::noted_bar_start(int64_t ns, int64_t width) noexcept {
  const auto start = bar_start(ns, width);
  overflowed_ |= start == -inf_long && ns != start;
  return start;
}

error group_assigner::overflow() const {
  if (!overflowed_)
    return {};
  return {errc::overflow,
          "the start of a bar to group by does not fit 64 bits"};
}

void group_assigner::done() {
  words_ = {};
  dense_ = {};
  bars_ = group_index{1};
  index_.drop_slots();
}

void group_assigner::assign(const segment_context& segment, uint32_t base,
                            const uint16_t* rows, uint32_t count,
                            uint32_t* groups) {
  // A column may be absent in one segment only; the general way copes.
  auto present = [&](size_t key) {
    return segment.columns[shape_.keys[key].column].values != nullptr;
  };
  switch (mode_) {
    case mode::none:
      std::fill_n(groups, count, index_.find_or_add(nullptr));
      return;
    case mode::symbol:
      if (present(symbol_key_))
        return assign_symbols(segment, base, rows, count, groups);
      break;
    case mode::bar:
    case mode::symbol_bar:
      if (present(bar_key_) && (mode_ == mode::bar || present(symbol_key_)))
        return assign_bars(segment, base, rows, count, groups);
      break;
    default:
      break;
  }
  assign_general(segment, base, rows, count, groups);
}

/// The group of a key that the dense table does not have: it is new, unless
/// rows were grouped in another way, too.
uint32_t group_assigner::new_group(const uint64_t* key) {
  if (!index_.adopts() || dense_groups_ != index_.size())
    return index_.find_or_add(key);
  index_.adopt(key, 1);
  return dense_groups_++;
}

void group_assigner::assign_symbols(const segment_context& segment,
                                    uint32_t base, const uint16_t* rows,
                                    uint32_t count, uint32_t* groups) {
  if (dense_.empty())
    dense_.assign(dictionary_size_, 0);
  const auto* codes
    = segment.columns[shape_.keys[symbol_key_].column].as<uint32_t>() + base;
  if (!rows && count > 0) {
    if (largest_of(codes, count) < dense_.size()) {
      const auto* known = dense_.data();
      for (uint32_t i = 0; i < count; ++i)
        groups[i] = known[codes[i]] - 1;
      // What is not known yet is the largest number.
      if (largest_of(groups, count) != ~uint32_t{0})
        return;
    }
  }
  for (uint32_t i = 0; i < count; ++i) {
    const auto code = codes[rows ? rows[i] : i];
    if (code >= dense_.size())
      dense_.resize(size_t{code} + 1, 0);
    auto& known = dense_[code];
    if (known == 0) {
      const uint64_t word = code;
      known = new_group(&word) + 1;
    }
    groups[i] = known - 1;
  }
}

group_assigner::time_span
group_assigner::span_of(int64_t time, const plan_shape::key_item& item) {
  if (time == null_long)
    return {null_long, null_long, null_long + 1};
  const auto width = item.bar_ns;
  if (!item.by_day) {
    // Infinities are bars of their own.
    if (time == -inf_long)
      return {time, time, time + 1};
    if (time == inf_long)
      return {time, time, time};
    // At the end of 64 bits a bar covers what is left.
    const auto start = noted_bar_start(time, width);
    int64_t high = 0;
    if (__builtin_add_overflow(start, width, &high))
      high = inf_long;
    return {start, std::max(start, -inf_long + 1), high};
  }
  const auto& day = days_.find(time);
  if (width == 0)
    return {day.day, day.begin, day.end};
  // Whole days are dates, of whatever length; infinities are none.
  const bool is_finite = day.day != inf_int && day.day != -inf_int;
  if (width % text::day_ns == 0 && is_finite) {
    const auto dates = width / text::day_ns;
    const auto first = text::floor_divide(day.day, dates) * dates;
    const auto begin = std::max(days_.begin_of(first), -inf_long + 1);
    return {first == day.day ? day.begin : begin, day.begin, day.end};
  }
  const auto start = day.begin + (time - day.begin) / width * width;
  return {start, start, width < day.end - start ? start + width : day.end};
}

void group_assigner::enter_bar(int64_t time, const plan_shape::key_item& item) {
  const auto span = span_of(time, item);
  bar_ = span.key;
  bar_low_ = span.low;
  bar_high_ = span.high;
  const auto word = static_cast<uint64_t>(bar_);
  if (mode_ == mode::bar) {
    bar_group_ = index_.find_or_add(&word);
    return;
  }
  const auto slab = bars_.find_or_add(&word);
  slab_ = size_t{slab} * dictionary_size_;
  if (dense_.size() < slab_ + dictionary_size_)
    dense_.resize(slab_ + dictionary_size_, 0);
}

void group_assigner::assign_bars(const segment_context& segment, uint32_t base,
                                 const uint16_t* rows, uint32_t count,
                                 uint32_t* groups) {
  const auto& bar_key = shape_.keys[bar_key_];
  const auto* times = segment.columns[bar_key.column].as<int64_t>() + base;
  const bool by_symbol = mode_ == mode::symbol_bar;
  const uint32_t* codes = nullptr;
  size_t symbol_word = 0;
  if (by_symbol) {
    const auto& symbol_key = shape_.keys[symbol_key_];
    codes = segment.columns[symbol_key.column].as<uint32_t>() + base;
    symbol_word = symbol_key.word;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const auto row = rows ? uint32_t{rows[i]} : i;
    const auto time = times[row];
    if (time < bar_low_ || time >= bar_high_)
      enter_bar(time, bar_key);
    if (!by_symbol) {
      groups[i] = bar_group_;
      continue;
    }
    auto& known = dense_[slab_ + codes[row]];
    if (known == 0) {
      uint64_t key[2];
      key[symbol_word] = codes[row];
      key[bar_key.word] = static_cast<uint64_t>(bar_);
      known = new_group(key) + 1;
    }
    groups[i] = known - 1;
  }
  if (by_symbol && dense_.size() > dense_max) {
    mode_ = mode::general;
    dense_ = {};
  }
}

void group_assigner::fill_key(const segment_context& segment, size_t key,
                              uint32_t base, const uint16_t* rows,
                              uint32_t count) {
  const auto& item = shape_.keys[key];
  const auto& column = segment.columns[item.column];
  const auto stride = shape_.key_words;
  auto* to = words_.data() + item.word;
  auto each = [&](auto&& word_of) {
    for (uint32_t i = 0; i < count; ++i)
      to[size_t{i} * stride] = word_of(base + (rows ? uint32_t{rows[i]} : i));
  };
  const auto type = shape_.plan.types[item.column].type;
  if (item.by_day) {
    each([&](uint32_t row) {
      return static_cast<uint64_t>(span_of(integer_at(column, row), item).key);
    });
  } else if (item.bar_ns > 0) {
    each([&](uint32_t row) {
      return static_cast<uint64_t>(
        noted_bar_start(in_ns(integer_at(column, row), type), item.bar_ns));
    });
  } else if (type == column_type::symbol) {
    each([&](uint32_t row) -> uint64_t {
      return column.values ? column.as<uint32_t>()[row] : 0;
    });
  } else if (type == column_type::string) {
    each([&](uint32_t row) -> uint64_t {
      return column.values ? pools_[key].code(column.text(row)) : 0;
    });
  } else if (type == column_type::guid) {
    for (uint32_t i = 0; i < count; ++i) {
      auto* word = to + size_t{i} * stride;
      word[0] = word[1] = 0;
      if (column.values)
        std::memcpy(word,
                    column.values
                      + size_t{16} * (base + (rows ? uint32_t{rows[i]} : i)),
                    16);
    }
  } else if (is_float(type)) {
    each([&](uint32_t row) { return key_word(float_at(column, row)); });
  } else if (type == column_type::char_) {
    each([&](uint32_t row) -> uint64_t {
      return column.values ? column.as<uint8_t>()[row] : ' ';
    });
  } else {
    const bool zero
      = type == column_type::boolean || type == column_type::byte_;
    if (column.values)
      with_integer(column.type, [&](auto load) {
        using loader = decltype(load);
        const auto* from = column.as<typename loader::raw>();
        each([&](uint32_t row) {
          return static_cast<uint64_t>(loader::widen(from[row]));
        });
      });
    else
      each([&](uint32_t row) -> uint64_t {
        return zero ? 0 : static_cast<uint64_t>(integer_at(column, row));
      });
  }
}

void group_assigner::assign_general(const segment_context& segment,
                                    uint32_t base, const uint16_t* rows,
                                    uint32_t count, uint32_t* groups) {
  const auto stride = shape_.key_words;
  for (size_t key = 0; key < shape_.keys.size(); ++key)
    fill_key(segment, key, base, rows, count);
  if (!repeats(words_.data(), std::min(count, looked_at), stride))
    return index_.find_or_add_all(words_.data(), count, groups);
  uint32_t places[vector_rows]; // By row: which of the keys is its own.
  uint32_t found[vector_rows];  // By key: its group.
  // Neighbours are often of one group: it is looked for once.
  auto* words = words_.data();
  size_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const auto* key = words + size_t{i} * stride;
    if (i > 0 && same_key(key, words + (kept - 1) * stride, stride)) {
      places[i] = static_cast<uint32_t>(kept - 1);
      continue;
    }
    if (kept != i)
      std::copy_n(key, stride, words + kept * stride);
    places[i] = static_cast<uint32_t>(kept++);
  }
  index_.find_or_add_all(words, kept, found);
  for (uint32_t i = 0; i < count; ++i)
    groups[i] = found[places[i]];
}

/// Runs by symbol, and time within it, ascend: one that is beyond the last is a
/// new group, and need not be looked for. Those by time alone come again.
uint32_t group_assigner::group_of_run(const uint64_t* key) {
  const auto& symbol = shape_.keys[symbol_key_];
  const auto count = index_.size();
  if (symbol.is_span() || !index_.adopts() || run_groups_ != count)
    return index_.find_or_add(key);
  const auto words = shape_.key_words;
  if (count > 0) {
    const auto* last = index_.key(count - 1);
    if (same_key(key, last, words))
      return count - 1;
    // Beside the symbol there is a bar, or nothing.
    const auto bar = symbol.word == 0 ? words - 1 : 0;
    const auto code = key[symbol.word];
    const auto last_code = last[symbol.word];
    if (code < last_code
        || (code == last_code
            && static_cast<int64_t>(key[bar])
                 < static_cast<int64_t>(last[bar])))
      return index_.find_or_add(key);
  }
  index_.adopt(key, 1);
  ++run_groups_;
  return count;
}

std::pair<uint32_t, uint32_t>
group_assigner::next_run(const segment_context& segment, uint32_t code,
                         uint32_t begin, uint32_t end) {
  uint64_t key[2] = {};
  auto run_end = end;
  for (const auto& item : shape_.keys) {
    if (!item.is_span()) {
      key[item.word] = code;
      continue;
    }
    const auto* times = segment.columns[item.column].as<int64_t>();
    const auto span = span_of(times[begin], item);
    key[item.word] = static_cast<uint64_t>(span.key);
    const auto next = span.high;
    if (times[begin] == inf_long)
      continue; // All later times are that, too.
    // Doubling steps, then halving: bars are short beside ranges.
    uint32_t low = begin;
    uint32_t step = 1;
    while (step < end - low && times[low + step] < next) {
      low += step;
      step *= 2;
    }
    const auto limit = step < end - low ? low + step : end;
    run_end = static_cast<uint32_t>(
      std::lower_bound(times + low, times + limit, next) - times);
  }
  return {run_end, group_of_run(key)};
}

} // namespace millrace::query
