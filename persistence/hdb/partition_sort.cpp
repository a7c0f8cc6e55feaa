#include <millrace/persistence/hdb/partition_sort_internal.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace millrace::persistence {

namespace {

constexpr uint32_t piece_rows = 1u << 16;

error cut_pieces(const table_view& view, std::vector<source_piece>& pieces) {
  uint64_t rows = 0;
  for (const auto& segment : view.segments)
    for (uint32_t begin = 0; begin < segment.row_count;) {
      const auto count = std::min(segment.row_count - begin, piece_rows);
      pieces.push_back({&segment, begin, count});
      begin += count;
      rows += count;
    }
  if (pieces.size() > piece_rows || rows > UINT32_MAX)
    return {errc::limit_exceeded,
            "table '" + view.schema->name + "': " + std::to_string(rows)
              + " rows in " + std::to_string(pieces.size())
              + " pieces are more than one partition holds"};
  return {};
}

const uint32_t* codes_of(const source_piece& piece, size_t column) noexcept {
  const auto& values = piece.segment->columns[column];
  return values.values ? values.as<uint32_t>() + piece.begin : nullptr;
}

/// Sorts by the first eight bytes as a number, and by the rest only in a tie.
void sort_by_bytes(std::vector<std::string_view>& symbols) {
  struct keyed {
    uint64_t prefix;
    std::string_view text;
  };
  std::vector<keyed> all;
  all.reserve(symbols.size());
  for (const auto text : symbols) {
    uint64_t prefix = 0;
    std::memcpy(&prefix, text.data(), std::min<size_t>(text.size(), 8));
    all.push_back({__builtin_bswap64(prefix), text});
  }
  std::sort(all.begin(), all.end(), [](const keyed& a, const keyed& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.text < b.text;
  });
  for (size_t i = 0; i < all.size(); ++i)
    symbols[i] = all[i].text;
}

symbol_plan plan_symbols(const std::vector<source_piece>& pieces,
                         size_t column) {
  symbol_plan plan;
  for (const auto& piece : pieces) {
    const auto* codes = codes_of(piece, column);
    if (!codes)
      continue;
    const auto* dictionary = piece.segment->columns[column].dictionary;
    auto& used = plan.codes[dictionary];
    used.resize(dictionary->size());
    for (uint32_t i = 0; i < piece.count; ++i)
      used[codes[i]] = 1;
  }
  plan.symbols.emplace_back(""); // Not a null pointer: it is copied from.
  for (const auto& [dictionary, used] : plan.codes)
    for (uint32_t code = 1; code < used.size(); ++code)
      if (used[code])
        plan.symbols.push_back(dictionary->text(code));
  sort_by_bytes(plan.symbols);
  plan.symbols.erase(std::unique(plan.symbols.begin(), plan.symbols.end()),
                     plan.symbols.end());
  for (auto& [dictionary, used] : plan.codes)
    for (uint32_t code = 0; code < used.size(); ++code)
      if (used[code])
        used[code] = static_cast<uint32_t>(
          std::lower_bound(plan.symbols.begin(), plan.symbols.end(),
                           dictionary->text(code))
          - plan.symbols.begin());
  return plan;
}

/// A run of one symbol whose rows did not come in the order of time.
void sort_run(const partition_order& order, size_t time_column,
              std::span<uint32_t> run) {
  struct keyed {
    int64_t time;
    uint64_t order;
    uint32_t place;
  };
  std::vector<keyed> rows;
  rows.reserve(run.size());
  for (const auto place : run) {
    const auto& piece = order.pieces[place >> 16];
    const auto& times = piece.segment->columns[time_column];
    rows.push_back({times.values
                      ? times.as<int64_t>()[piece.begin + (place & 0xffff)]
                      : null_long,
                    order.order_of(place), place});
  }
  std::sort(rows.begin(), rows.end(), [](const keyed& a, const keyed& b) {
    return a.time != b.time ? a.time < b.time : a.order < b.order;
  });
  for (size_t i = 0; i < rows.size(); ++i)
    run[i] = rows[i].place;
}

/// Counting sort by symbol, stable; and which symbols need a sort by time.
class symbol_sort {
public:
  symbol_sort(partition_order& order, size_t symbol_column, size_t time_column)
    : order_{order}, symbol_column_{symbol_column}, time_column_{time_column},
      symbol_count_{order.symbols[symbol_column].symbols.size()} {}

  void run() {
    count();
    place();
    for (const auto& range : order_.ranges)
      if (unsorted_[range.code])
        sort_run(order_, time_column_,
                 order_.places().subspan(range.begin, range.end - range.begin));
  }

private:
  /// Rank of a row's symbol in the new dictionary, by its own code.
  const uint32_t* ranks_of(const source_piece& piece) const {
    const auto& plan = order_.symbols[symbol_column_];
    const auto& column = piece.segment->columns[symbol_column_];
    return column.values ? plan.codes.at(column.dictionary).data() : nullptr;
  }

  void count() {
    std::vector<uint32_t> counts(symbol_count_);
    uint32_t rows = 0;
    for (const auto& piece : order_.pieces) {
      rows += piece.count;
      const auto* codes = codes_of(piece, symbol_column_);
      const auto* ranks = ranks_of(piece);
      if (!codes)
        counts[0] += piece.count;
      else
        for (uint32_t i = 0; i < piece.count; ++i)
          ++counts[ranks[codes[i]]];
    }
    order_.row_count = rows;
    order_.place_memory = std::make_unique_for_overwrite<uint32_t[]>(rows);
    next_.resize(symbol_count_);
    uint32_t at = 0;
    for (uint32_t rank = 0; rank < symbol_count_; ++rank) {
      next_[rank] = at;
      at += counts[rank];
      if (counts[rank] != 0)
        order_.ranges.push_back({rank, next_[rank], at});
    }
  }

  void place() {
    last_time_.assign(symbol_count_, null_long);
    unsorted_.assign(symbol_count_, 0);
    for (uint32_t p = 0; p < order_.pieces.size(); ++p) {
      const auto& piece = order_.pieces[p];
      const auto* codes = codes_of(piece, symbol_column_);
      const auto* ranks = ranks_of(piece);
      const auto& times = piece.segment->columns[time_column_];
      const auto* time
        = times.values ? times.as<int64_t>() + piece.begin : nullptr;
      auto* places = order_.place_memory.get();
      // Rows of a sorted segment do not come in stream order.
      const bool shuffled = piece.segment->order != nullptr;
      for (uint32_t i = 0; i < piece.count; ++i) {
        const auto rank = codes ? ranks[codes[i]] : 0;
        places[next_[rank]++] = p << 16 | i;
        const auto now = time ? time[i] : null_long;
        unsorted_[rank] |= shuffled || now < last_time_[rank];
        last_time_[rank] = now;
      }
    }
  }

  partition_order& order_;
  size_t symbol_column_;
  size_t time_column_;
  size_t symbol_count_;
  std::vector<uint32_t> next_;
  std::vector<int64_t> last_time_;
  std::vector<uint8_t> unsorted_;
};

} // namespace

result<partition_order> sort_rows(const table_view& view) {
  partition_order order;
  if (auto fault = cut_pieces(view, order.pieces))
    return fault;
  const auto& schema = *view.schema;
  const auto symbol_column = schema.column_index(schema.symbol_column);
  const auto time_column = schema.column_index(schema.time_column);
  MILLRACE_ASSERT(symbol_column && time_column);
  order.symbols.resize(schema.columns.size());
  for (size_t i = 0; i < schema.columns.size(); ++i)
    if (schema.columns[i].type == column_type::symbol)
      order.symbols[i] = plan_symbols(order.pieces, i);
  symbol_sort{order, *symbol_column, *time_column}.run();
  return order;
}

} // namespace millrace::persistence
