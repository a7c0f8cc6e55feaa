#include <millrace/query/execution/ordered_bits_internal.hpp>
#include <millrace/query/execution/pieces.hpp>
#include <millrace/query/execution/sort.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <numeric>

namespace millrace::query {

namespace {

/// Keys whose unsigned order is the order wanted, one per row.
using key_column = std::vector<uint64_t>;

/// A null comes first.
uint64_t key_of(double x) noexcept { return x != x ? 0 : ordered_bits(x); }

/// Sorts numbers by `less`, piece by piece and then in merges that can be
/// stopped. @returns false when it was.
template <class Less>
bool merge_sort(std::vector<uint32_t>& order, Less less,
                const interruption& stop) {
  constexpr size_t piece = 4096;
  const auto count = order.size();
  for (size_t begin = 0; begin < count; begin += piece) {
    if (stop.stopped())
      return false;
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
    std::sort(first,
              first
                + static_cast<std::ptrdiff_t>(std::min(piece, count - begin)),
              less);
  }
  std::vector<uint32_t> to(count);
  for (auto width = piece; width < count; width *= 2) {
    size_t left = 0;
    size_t right = 0;
    size_t middle = 0;
    size_t end = 0;
    const bool merged = for_rows(count, stop, [&](uint64_t i) {
      if (i == end) {
        left = end;
        middle = std::min(count, left + width);
        end = std::min(count, middle + width);
        right = middle;
      }
      const bool from_right
        = left == middle || (right != end && less(order[right], order[left]));
      to[i] = from_right ? order[right++] : order[left++];
    });
    if (!merged)
      return false;
    order.swap(to);
  }
  return true;
}

/// Ranks of texts: text_of(i) for i < count; equal texts share a rank. None
/// when it was stopped.
template <class TextOf>
std::optional<key_column> ranks(size_t count, TextOf text_of,
                                const interruption& stop) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  if (!merge_sort(
        order, [&](uint32_t a, uint32_t b) { return text_of(a) < text_of(b); },
        stop))
    return std::nullopt;
  key_column out(count);
  uint64_t rank = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && text_of(order[i - 1]) != text_of(order[i]))
      ++rank;
    out[order[i]] = rank;
  }
  return out;
}

/// @returns false when it was stopped.
bool append_keys(const column_data& column, const sort_term& term,
                 uint64_t rows, std::vector<key_column>& out,
                 const interruption& stop) {
  const auto first = out.size();
  // Memory is taken as it is filled, so that there are looks in between.
  const auto append = [&](auto key_of_row) {
    auto& keys = out.emplace_back();
    keys.reserve(rows);
    return for_rows(rows, stop,
                    [&](uint64_t row) { keys.push_back(key_of_row(row)); });
  };
  bool goes_on = true;
  if (column.type == column_type::guid) {
    for (size_t half = 0; goes_on && half < 2; ++half)
      goes_on = append([&](uint64_t row) {
        uint64_t word;
        std::memcpy(&word, column.values.data() + 16 * row + 8 * half, 8);
        return __builtin_bswap64(word);
      });
  } else if (column.type == column_type::symbol) {
    const auto rank = ranks(
      column.dictionary_ends.size(),
      [&](uint32_t code) { return column.entry(code); }, stop);
    if (!rank)
      return false;
    const auto* codes = column.as<uint32_t>();
    goes_on = append([&](uint64_t row) { return (*rank)[codes[row]]; });
  } else if (column.type == column_type::string) {
    auto keys = ranks(
      rows, [&](uint32_t row) { return column.text(row); }, stop);
    if (!keys)
      return false;
    out.push_back(*std::move(keys));
  } else if (is_float(column.type)) {
    goes_on = with_float(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* raw = column.as<typename loader::raw>();
      return append(
        [&](uint64_t row) { return key_of(loader::widen(raw[row])); });
    });
  } else if (term.is_unsigned || column.type == column_type::char_) {
    goes_on
      = term.is_unsigned
          ? append([&](uint64_t row) { return column.as<uint64_t>()[row]; })
          : append([&](uint64_t row) -> uint64_t {
              return column.as<uint8_t>()[row];
            });
  } else {
    goes_on = with_integer(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* raw = column.as<typename loader::raw>();
      return append([&](uint64_t row) {
        return ordered_bits(int64_t{loader::widen(raw[row])});
      });
    });
  }
  if (!goes_on)
    return false;
  if (term.descending)
    for (auto i = first; i < out.size(); ++i)
      for (auto& key : out[i])
        key = ~key;
  return true;
}

/// Packs the columns into as few 64-bit words per row as their ranges need.
std::vector<key_column> pack(std::vector<key_column> columns) {
  std::vector<key_column> words;
  int used = 64;
  for (auto& column : columns) {
    if (column.empty())
      continue;
    const auto [low, high] = std::minmax_element(column.begin(), column.end());
    const auto base = *low;
    const auto bits = static_cast<int>(std::bit_width(*high - base));
    if (bits == 0)
      continue;
    for (auto& key : column)
      key -= base;
    if (used + bits > 64) {
      used = bits;
      words.push_back(std::move(column));
      continue;
    }
    used += bits;
    for (size_t row = 0; row < column.size(); ++row)
      words.back()[row] = words.back()[row] << bits | column[row];
  }
  return words;
}

/// Whether the rows ascend by their words already: those of groups often do.
bool is_sorted(const std::vector<key_column>& words, uint64_t rows) {
  for (uint64_t row = 1; row < rows; ++row) {
    size_t word = 0;
    while (word < words.size() && words[word][row - 1] == words[word][row])
      ++word;
    if (word < words.size() && words[word][row - 1] > words[word][row])
      return false;
  }
  return true;
}

/// Stable sort of rows in `order` by key, one byte per pass; skips constant
/// bytes. @returns false when it was stopped.
bool radix_sort(const key_column& keys, std::vector<uint32_t>& order,
                const interruption& stop) {
  struct entry {
    uint64_t key;
    uint32_t row;
  };
  // Not filled before: its pages come one by one, between looks.
  const auto count_all = keys.size();
  auto from = std::make_unique_for_overwrite<entry[]>(count_all);
  auto to = std::make_unique_for_overwrite<entry[]>(count_all);
  std::array<std::array<uint32_t, 256>, 8> counts{};
  const bool counted = for_rows(count_all, stop, [&](uint64_t i) {
    const auto key = keys[order[i]];
    from[i] = {key, order[i]};
    for (size_t byte = 0; byte < 8; ++byte)
      ++counts[byte][key >> (8 * byte) & 255];
  });
  if (!counted)
    return false;
  for (size_t byte = 0; byte < 8; ++byte) {
    auto& count = counts[byte];
    if (count[keys[0] >> (8 * byte) & 255] == count_all)
      continue;
    uint32_t start = 0;
    for (auto& slot : count)
      start += std::exchange(slot, start);
    const bool moved = for_rows(count_all, stop, [&](uint64_t i) {
      to[count[from[i].key >> (8 * byte) & 255]++] = from[i];
    });
    if (!moved)
      return false;
    std::swap(from, to);
  }
  return for_rows(count_all, stop, [&](uint64_t i) { order[i] = from[i].row; });
}

} // namespace

result<std::vector<uint32_t>> sort_rows(const table_data& table,
                                        std::span<const sort_term> terms,
                                        const interruption& stop) {
  // Rows that are compared word by word rather than sorted by each in turn.
  constexpr size_t compared_max = 4096;
  auto stopped = [&] { return stop.fault("while rows were ordered"); };
  const auto rows = table.row_count;
  if (rows >= std::numeric_limits<uint32_t>::max())
    return error{errc::limit_exceeded,
                 "ordering " + std::to_string(rows) + " rows"};
  // A word per term, then the order, and what its rows are sorted in twice; of
  // texts their ranks as well.
  held_memory room{stop.memory};
  uint64_t width = sizeof(uint32_t) + 2 * 2 * sizeof(uint64_t);
  for (const auto& term : terms)
    width += is_text(table.columns[term.column].type) ? 2 * sizeof(uint64_t)
             : table.columns[term.column].type == column_type::guid
               ? 4 * sizeof(uint64_t)
               : sizeof(uint64_t);
  if (auto refused = room.set(rows * width))
    return refused;
  std::vector<key_column> columns;
  for (const auto& term : terms) {
    if (stop.stopped())
      return stopped();
    if (!append_keys(table.columns[term.column], term, rows, columns, stop))
      return stopped();
  }
  const auto words = pack(std::move(columns));
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  if (words.empty() || is_sorted(words, rows))
    return order;
  if (words.size() == 1 || rows > compared_max) {
    for (auto word = words.rbegin(); word != words.rend(); ++word)
      if (!radix_sort(*word, order, stop))
        return stopped();
    return order;
  }
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    for (const auto& word : words)
      if (word[a] != word[b])
        return word[a] < word[b];
    return false;
  });
  return order;
}

void order_keys(const column_ref& column, std::span<const uint32_t> rows,
                const sort_term& term, uint64_t* keys) {
  const auto count = rows.size();
  auto fill = [&](auto key_of) {
    for (size_t i = 0; i < count; ++i)
      keys[i] = term.descending ? ~key_of(rows[i]) : key_of(rows[i]);
  };
  if (!column.values) {
    const auto null
      = is_float(column.type)               ? key_of(float_at(column, 0))
        : column.type == column_type::char_ ? uint64_t{' '}
        : width_of(column.type) == 1
          ? ordered_bits(int64_t{0}) // boolean and byte have no null: zero.
          : ordered_bits(null_long);
    fill([&](uint32_t) { return null; });
  } else if (column.type == column_type::char_) {
    fill([&](uint32_t row) { return uint64_t{column.as<uint8_t>()[row]}; });
  } else if (is_float(column.type)) {
    with_float(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* raw = column.as<typename loader::raw>();
      fill([&](uint32_t row) { return key_of(loader::widen(raw[row])); });
    });
  } else {
    with_integer(column.type, [&](auto load) {
      using loader = decltype(load);
      const auto* raw = column.as<typename loader::raw>();
      fill([&](uint32_t row) {
        return ordered_bits(int64_t{loader::widen(raw[row])});
      });
    });
  }
}

std::pair<uint64_t, uint64_t> kept_rows(uint64_t count,
                                        const std::optional<int64_t>& sublist) {
  if (!sublist)
    return {0, count};
  if (*sublist >= 0)
    return {0, std::min(count, static_cast<uint64_t>(*sublist))};
  const auto wanted = uint64_t{0} - static_cast<uint64_t>(*sublist);
  return {count - std::min(count, wanted), count};
}

std::pair<uint64_t, uint64_t> result_rows(uint64_t count,
                                          const logical_plan& plan) {
  const auto [first, last] = kept_rows(count, plan.sublist);
  return {std::min(first + plan.skip, last), last};
}

result<table_data> take_rows(const table_data& table,
                             std::span<const uint32_t> rows, size_t columns,
                             const interruption& stop,
                             persistence::executor* pool) {
  constexpr size_t piece = size_t{1} << 16; // Rows between two looks.
  table_data out;
  out.row_count = rows.size();
  out.columns.resize(columns);
  std::vector<error> faults(columns);
  uint64_t width = 0;
  for (size_t i = 0; i < columns; ++i)
    width += width_of(table.columns[i].type);
  held_memory room{stop.memory};
  if (auto refused = room.set(rows.size() * width))
    return refused;
  for_pieces(pool, columns, [&](size_t i) {
    const auto& from = table.columns[i];
    column_writer writer{from.name, from.type};
    writer.reserve(rows.size());
    held_memory texts{stop.memory};
    for (size_t begin = 0; begin < rows.size(); begin += piece) {
      if (stop.stopped()) {
        faults[i] = stop.fault("while rows were put in order");
        return;
      }
      writer.append(ref_of(from), &from, rows.data() + begin,
                    std::min(piece, rows.size() - begin));
      if (from.type == column_type::string)
        if (auto refused = texts.set(writer.byte_count()
                                     - writer.row_count() * sizeof(uint32_t))) {
          faults[i] = std::move(refused);
          return;
        }
    }
    auto column = writer.finish();
    if (column)
      out.columns[i] = *std::move(column);
    else
      faults[i] = column.failure();
  });
  for (const auto& fault : faults)
    if (fault)
      return fault;
  return out;
}

} // namespace millrace::query
