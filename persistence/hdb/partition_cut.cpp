#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/persistence/hdb/partition_cut_internal.hpp>

#include <map>

namespace millrace::persistence {

namespace {

/// The dates of rows.
class row_dates {
public:
  row_dates(const partition_order& order, size_t time_column,
            text::roll_calendar calendar, int64_t otherwise)
    : calendar_{calendar}, otherwise_{otherwise} {
    for (const auto& piece : order.pieces) {
      const auto& column = piece.segment->columns[time_column];
      times_.push_back(column.values ? column.as<int64_t>() + piece.begin
                                     : nullptr);
    }
  }

  [[nodiscard]] int64_t operator()(uint32_t place) {
    const auto* times = times_[place >> 16];
    const auto at = times ? times[place & 0xffff] : null_long;
    return at == null_long || at == inf_long || at == -inf_long
             ? otherwise_
             : calendar_.date_of(at);
  }

private:
  std::vector<const int64_t*> times_; ///< By piece.
  text::roll_calendar calendar_;
  int64_t otherwise_;
};

/// Which of the symbols' codes occur in these rows.
std::vector<uint8_t> used_symbols(const partition_order& part, size_t column,
                                  const symbol_plan& whole) {
  std::vector<uint8_t> used(whole.symbols.size());
  std::vector<std::pair<const uint32_t*, const uint32_t*>> pieces;
  for (const auto& piece : part.pieces) {
    const auto& values = piece.segment->columns[column];
    pieces.push_back(values.values
                       ? std::pair{values.as<uint32_t>() + piece.begin,
                                   whole.codes.at(values.dictionary).data()}
                       : std::pair<const uint32_t*, const uint32_t*>{});
  }
  for (const auto place : part.places()) {
    const auto& [codes, ranks] = pieces[place >> 16];
    used[codes ? ranks[codes[place & 0xffff]] : 0] = 1;
  }
  return used;
}

/// The plan of a column for the rows of one date.
/// @param ranks becomes the new code of each symbol of `whole`
symbol_plan plan_of(const partition_order& part, size_t column,
                    const symbol_plan& whole, std::vector<uint32_t>& ranks) {
  const auto used = used_symbols(part, column, whole);
  symbol_plan out;
  ranks.assign(used.size(), 0);
  out.symbols.push_back(whole.symbols.front());
  for (uint32_t rank = 1; rank < used.size(); ++rank)
    if (used[rank]) {
      ranks[rank] = static_cast<uint32_t>(out.symbols.size());
      out.symbols.push_back(whole.symbols[rank]);
    }
  for (const auto& [dictionary, codes] : whole.codes) {
    auto& ours = out.codes[dictionary];
    ours.reserve(codes.size());
    for (const auto rank : codes)
      ours.push_back(ranks[rank]);
  }
  return out;
}

void append_row(partition_order& part, uint32_t place, uint32_t code) {
  if (part.ranges.empty() || part.ranges.back().code != code)
    part.ranges.push_back({code, part.row_count, part.row_count});
  part.place_memory[part.row_count++] = place;
  part.ranges.back().end = part.row_count;
}

/// Gives a part dictionaries of its own.
void plan_part(partition_order& part, const partition_order& whole,
               size_t symbol_column) {
  std::vector<uint32_t> ranks;
  part.symbols.resize(whole.symbols.size());
  for (size_t i = 0; i < whole.symbols.size(); ++i) {
    if (whole.symbols[i].symbols.empty())
      continue; // Of another type.
    part.symbols[i] = plan_of(part, i, whole.symbols[i], ranks);
    if (i == symbol_column)
      for (auto& range : part.ranges)
        range.code = ranks[range.code];
  }
}

/// How much text the rows of an order have, by column.
class row_texts {
public:
  row_texts(const partition_order& order, const table_schema& schema)
    : pieces_{order.pieces} {
    for (size_t c = 0; c < schema.columns.size(); ++c)
      if (schema.columns[c].type == column_type::string)
        columns_.push_back(c);
  }

  [[nodiscard]] const std::vector<size_t>& columns() const noexcept {
    return columns_;
  }
  [[nodiscard]] uint64_t bytes(uint32_t place, size_t column) const {
    const auto& piece = pieces_[place >> 16];
    const auto& values = piece.segment->columns[column];
    if (!values.values)
      return 0;
    const auto row = piece.begin + (place & 0xffff);
    const auto* ends = values.as<uint32_t>();
    return ends[row] - (row == 0 ? 0 : ends[row - 1]);
  }

private:
  const std::vector<source_piece>& pieces_;
  std::vector<size_t> columns_;
};

/// The row of an order from which on each part begins.
std::vector<uint32_t> begins_by_text(const partition_order& order,
                                     const table_schema& schema,
                                     uint64_t text_max) {
  const row_texts texts{order, schema};
  std::vector<uint32_t> out{0};
  std::vector<uint64_t> sums(texts.columns().size());
  for (uint32_t row = 0; row < order.row_count; ++row) {
    const auto place = order.place_memory[row];
    bool fits = true;
    for (size_t i = 0; i < sums.size(); ++i)
      fits &= sums[i] + texts.bytes(place, texts.columns()[i]) <= text_max;
    if (!fits && row != out.back()) {
      out.push_back(row);
      sums.assign(sums.size(), 0);
    }
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += texts.bytes(place, texts.columns()[i]);
  }
  return out;
}

} // namespace

std::vector<dated_order> cut_by_text(std::vector<dated_order> dated,
                                     const table_schema& schema,
                                     uint64_t text_max) {
  const auto symbol_column = *schema.column_index(schema.symbol_column);
  std::vector<dated_order> out;
  for (auto& [date, whole] : dated) {
    auto begins = begins_by_text(whole, schema, text_max);
    if (begins.size() == 1) {
      out.push_back({date, std::move(whole)});
      continue;
    }
    begins.push_back(whole.row_count);
    auto range = whole.ranges.begin();
    for (size_t i = 0; i + 1 < begins.size(); ++i) {
      auto& part = out.emplace_back(dated_order{date, {}}).order;
      part.pieces = whole.pieces;
      part.place_memory
        = std::make_unique_for_overwrite<uint32_t[]>(begins[i + 1] - begins[i]);
      for (auto row = begins[i]; row < begins[i + 1]; ++row) {
        range += row == range->end ? 1 : 0;
        append_row(part, whole.place_memory[row], range->code);
      }
      plan_part(part, whole, symbol_column);
    }
  }
  return out;
}

result<std::vector<dated_order>> cut_by_date(partition_order whole,
                                             const table_schema& schema,
                                             int64_t otherwise) {
  auto calendar
    = text::roll_calendar::open(schema.roll_zone, schema.roll_offset_ns);
  if (!calendar)
    return error{calendar.failure().code,
                 "table '" + schema.name + "': " + calendar.failure().context};
  const auto symbol_column = *schema.column_index(schema.symbol_column);
  row_dates date_of{whole, *schema.column_index(schema.time_column), *calendar,
                    otherwise};
  std::map<int64_t, uint32_t> counts;
  auto count = counts.end();
  // As the rows lie in memory, not as they are sorted.
  for (uint32_t piece = 0; piece < whole.pieces.size(); ++piece)
    for (uint32_t row = 0; row < whole.pieces[piece].count; ++row) {
      const auto date = date_of(piece << 16 | row);
      if (count == counts.end() || count->first != date)
        count = counts.try_emplace(date).first;
      ++count->second;
    }
  std::vector<dated_order> out;
  if (counts.size() == 1) {
    out.push_back({counts.begin()->first, std::move(whole)});
    return out;
  }
  std::map<int64_t, size_t> index;
  for (const auto& [date, rows] : counts) {
    index.emplace(date, out.size());
    auto& part = out.emplace_back(dated_order{date, {}}).order;
    part.pieces = whole.pieces;
    part.place_memory = std::make_unique_for_overwrite<uint32_t[]>(rows);
  }
  auto part = index.end();
  for (const auto& range : whole.ranges)
    for (auto row = range.begin; row < range.end; ++row) {
      const auto place = whole.place_memory[row];
      const auto date = date_of(place);
      if (part == index.end() || part->first != date)
        part = index.find(date);
      append_row(out[part->second].order, place, range.code);
    }
  for (auto& each : out)
    plan_part(each.order, whole, symbol_column);
  return out;
}

} // namespace millrace::persistence
