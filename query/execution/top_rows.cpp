#include <millrace/query/execution/filter.hpp>
#include <millrace/query/execution/ordered_bits_internal.hpp>
#include <millrace/query/execution/range_bits.hpp>
#include <millrace/query/execution/sort.hpp>
#include <millrace/query/execution/top_rows.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

namespace millrace::query {

result<table_data> joined(std::vector<table_data> pieces) {
  if (pieces.size() == 1)
    return std::move(pieces.front());
  table_data all;
  for (const auto& piece : pieces)
    all.row_count += piece.row_count;
  const auto columns = pieces.front().columns.size();
  for (size_t i = 0; i < columns; ++i) {
    const auto& first = pieces.front().columns[i];
    column_writer writer{first.name, first.type};
    writer.reserve(all.row_count);
    for (auto& piece : pieces) {
      auto& from = piece.columns[i];
      writer.append_range(ref_of(from), &from, 0, piece.row_count);
      // Its symbols are known by where it lies.
      std::vector<std::byte>{}.swap(from.values);
      std::string{}.swap(from.bytes);
    }
    auto column = writer.finish();
    if (!column)
      return column.failure();
    all.columns.push_back(std::move(*column));
  }
  return all;
}

result<table_data> moved_rows(table_data table, std::span<const uint32_t> rows,
                              size_t columns, const interruption& stop) {
  table_data out;
  out.row_count = rows.size();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    table_data one;
    one.row_count = table.row_count;
    one.columns.push_back(std::move(table.columns[i]));
    table.columns[i] = {};
    if (i >= columns)
      continue;
    auto taken = take_rows(one, rows, 1, stop);
    if (!taken)
      return taken;
    out.columns.push_back(std::move(taken->columns.front()));
  }
  return out;
}

row_order::row_order(const plan_shape& shape) {
  const auto& plan = shape.plan;
  // The last rows of an order are the first of its reverse.
  const bool reversed = *plan.sublist < 0;
  const auto columns = shape.partial_columns();
  const auto stream = static_cast<uint32_t>(columns.size() - 1);
  for (const auto& each : shape.top_terms()) {
    term made;
    made.table_column = each.column;
    made.descending = each.descending != reversed;
    if (each.column == columns.size())
      made.from = origin::part;
    else if (each.column == stream)
      made.from = origin::stream;
    else if (each.column < shape.outputs.size())
      made.plan_column = shape.outputs[each.column];
    else
      made.plan_column
        = each.column + 1 == stream ? shape.order_column : *shape.symbol_column;
    if (made.from == origin::column) {
      const auto type = plan.types[made.plan_column].type;
      made.is_text = is_text(type) || type == column_type::guid;
    }
    terms_.push_back(made);
  }
}

void row_order::look_at(const segment_context& segment) { segment_ = &segment; }

void row_order::look_at(const table_data& table) {
  segment_ = nullptr;
  for (auto& each : terms_)
    each.of_table = ref_of(table.columns[each.table_column]);
}

void row_order::words_of(const term& by, std::span<const uint32_t> rows,
                         uint64_t* words) const {
  const auto count = rows.size();
  if (by.from == origin::column) {
    order_keys(column_of(by), rows, {0, by.descending}, words);
    return;
  }
  if (!segment_)
    for (size_t i = 0; i < count; ++i)
      words[i] = by.of_table.as<uint64_t>()[rows[i]];
  else if (by.from == origin::part)
    std::fill_n(words, count, segment_->part_order);
  else
    for (size_t i = 0; i < count; ++i)
      words[i] = segment_->order_of(rows[i]);
  if (by.descending)
    for (size_t i = 0; i < count; ++i)
      words[i] = ~words[i];
}

std::string_view row_order::text_of(const term& by, uint32_t row) const {
  const auto& column = column_of(by);
  if (column.type == column_type::guid) {
    static constexpr char null_guid[16] = {};
    return {column.values
              ? reinterpret_cast<const char*>(column.values) + 16 * size_t{row}
              : null_guid,
            16};
  }
  return column.values ? column.text(row) : std::string_view{};
}

int row_order::compare(uint32_t row, const order_place& bound,
                       size_t first) const {
  for (auto i = first; i < terms_.size(); ++i) {
    const auto& by = terms_[i];
    if (by.is_text) {
      const auto found = text_of(by, row).compare(bound.texts[i]);
      if (found != 0)
        return by.descending ? -found : found;
      continue;
    }
    uint64_t word;
    words_of(by, {&row, 1}, &word);
    if (word != bound.words[i])
      return word < bound.words[i] ? -1 : 1;
  }
  return 0;
}

bool row_order::before(const order_place& a, const order_place& b) const {
  for (size_t i = 0; i < terms_.size(); ++i) {
    if (a.words[i] != b.words[i])
      return a.words[i] < b.words[i];
    if (const auto found = a.texts[i].compare(b.texts[i]))
      return terms_[i].descending ? found > 0 : found < 0;
  }
  return false;
}

order_place row_order::place_of(uint32_t row) const {
  order_place out;
  out.words.resize(terms_.size());
  out.texts.resize(terms_.size());
  for (size_t i = 0; i < terms_.size(); ++i)
    if (terms_[i].is_text)
      out.texts[i] = text_of(terms_[i], row);
    else
      words_of(terms_[i], {&row, 1}, &out.words[i]);
  return out;
}

std::optional<uint32_t> row_order::near(uint32_t base, uint32_t count,
                                        const order_place& bound,
                                        uint16_t* offsets) const {
  const auto& first = terms_.front();
  if (first.from != origin::column)
    return std::nullopt;
  const auto& column = column_of(first);
  if (column.type != column_type::float_ || !column.values)
    return std::nullopt;
  const auto word = first.descending ? ~bound.words[0] : bound.words[0];
  // Of a null, which is smallest.
  if (word == 0)
    return std::nullopt;
  const auto limit = float_of_bits(word);
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  uint64_t bits[vector_rows / 64];
  std::fill(std::begin(bits), std::end(bits), ~uint64_t{0});
  keep_in_range(column.as<double>() + base, count,
                first.descending ? limit : -infinity,
                first.descending ? infinity : limit, !first.descending, bits);
  return select_bits(bits, count, offsets);
}

void row_order::pick(uint32_t base, const uint16_t* rows, uint32_t count,
                     const order_place* bound, std::vector<uint32_t>& to) {
  uint16_t offsets[vector_rows];
  if (bound && !rows) {
    if (const auto found = near(base, count, *bound, offsets)) {
      rows = offsets;
      count = *found;
    }
    if (count == 0)
      return;
  }
  rows_.resize(count);
  for (uint32_t i = 0; i < count; ++i)
    rows_[i] = base + (rows ? uint32_t{rows[i]} : i);
  if (bound)
    drop_beyond(*bound, rows_);
  to.insert(to.end(), rows_.begin(), rows_.end());
}

void row_order::drop_beyond(const order_place& bound,
                            std::vector<uint32_t>& rows) {
  // Rows before `kept` are no later, those from there to `tied` are equal to
  // the bound in all terms so far.
  size_t kept = 0;
  auto tied = rows.size();
  for (size_t i = 0; i < terms_.size() && kept < tied; ++i) {
    const auto& by = terms_[i];
    const auto first = kept;
    const auto last = tied;
    if (by.is_text) {
      // One by one from here on.
      tied = kept;
      for (auto at = first; at < last; ++at)
        if (compare(rows[at], bound, i) <= 0)
          rows[tied++] = rows[at];
      break;
    }
    const std::span at_hand{rows.data() + first, last - first};
    words_.resize(at_hand.size());
    words_of(by, at_hand, words_.data());
    const auto limit = bound.words[i];
    // Mostly none is before the bound, and none or all are equal to it.
    uint64_t before = 0;
    uint64_t equal = 0;
    for (const auto word : words_) {
      before += word < limit;
      equal += word == limit;
    }
    if (equal == at_hand.size())
      continue;
    if (before == 0 && equal == 0) {
      tied = kept;
      break;
    }
    equal_.clear();
    for (size_t at = 0; at < at_hand.size(); ++at)
      if (words_[at] < limit)
        rows[kept++] = at_hand[at];
      else if (words_[at] == limit)
        equal_.push_back(at_hand[at]);
    tied = kept + equal_.size();
    std::copy(equal_.begin(), equal_.end(),
              rows.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  rows.resize(tied);
}

namespace {

/// `keys` are those of `rows`. @see row_order::split_at
template <class Key, class Less>
std::pair<size_t, size_t> split_by(const std::vector<Key>& keys,
                                   std::span<uint32_t> rows, size_t wanted,
                                   Less less) {
  auto sorted = keys;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::nth_element(sorted.begin(), nth, sorted.end(), less);
  std::vector<uint32_t> equal;
  size_t below = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    if (less(keys[i], *nth))
      rows[below++] = rows[i];
    else if (!less(*nth, keys[i]))
      equal.push_back(rows[i]);
  std::copy(equal.begin(), equal.end(),
            rows.begin() + static_cast<std::ptrdiff_t>(below));
  return {below, equal.size()};
}

} // namespace

std::pair<size_t, size_t>
row_order::split_at(const term& by, std::span<uint32_t> rows, size_t wanted) {
  if (!by.is_text) {
    words_.resize(rows.size());
    words_of(by, rows, words_.data());
    return split_by(words_, rows, wanted, std::less<>{});
  }
  texts_.clear();
  for (const auto row : rows)
    texts_.push_back(text_of(by, row));
  return by.descending ? split_by(texts_, rows, wanted, std::greater<>{})
                       : split_by(texts_, rows, wanted, std::less<>{});
}

void row_order::keep_first(size_t wanted, std::vector<uint32_t>& rows) {
  // Rows before `first` are kept, those from `last` on are not, and of those
  // between them `wanted` are.
  size_t first = 0;
  auto last = rows.size();
  for (const auto& by : terms_) {
    if (last - first <= wanted || wanted == 0)
      break;
    const auto [below, equal]
      = split_at(by, std::span{rows}.subspan(first, last - first), wanted);
    first += below;
    wanted -= below;
    last = first + equal;
  }
  rows.resize(first + std::min(wanted, last - first));
}

uint32_t row_order::last_of(std::span<const uint32_t> rows) const {
  auto last = rows.front();
  auto place = place_of(last);
  for (const auto row : rows.subspan(1))
    if (compare(row, place, 0) > 0) {
      last = row;
      place = place_of(row);
    }
  return last;
}

void top_bound::lower(const row_order& order, order_place to) {
  auto made = std::make_shared<const order_place>(std::move(to));
  const std::lock_guard lock{mutex_};
  if (!place_ || order.before(*made, *place_))
    place_ = std::move(made);
}

namespace {

/// Rows held beside those that are asked for, and half as many again.
constexpr uint64_t spare_rows = 64 * 1024;
/// What choosing rows of a table takes per row: its number, and a key twice.
constexpr uint64_t choice_bytes = sizeof(uint32_t) + 2 * sizeof(uint64_t);

uint64_t widest_column(const std::vector<table_data>& pieces) {
  uint64_t out = 0;
  for (size_t i = 0; !pieces.empty() && i < pieces[0].columns.size(); ++i) {
    uint64_t bytes = 0;
    for (const auto& piece : pieces)
      bytes += piece.columns[i].byte_count();
    out = std::max(out, bytes);
  }
  return out;
}

} // namespace

bool top_keeper::is_full() const {
  const auto wanted = *shape_.plan.rows_wanted();
  const std::lock_guard lock{mutex_};
  return pieces_.size() > 1 && rows_ > wanted + wanted / 2 + spare_rows;
}

error top_keeper::add(uint64_t part_order, table_data rows, held_memory room,
                      const interruption& stop) {
  if (rows.row_count == 0)
    return {};
  if (auto refused = room.add(rows.row_count * sizeof(uint64_t)))
    return refused;
  column_data place{".part_order", column_type::long_, {}, {}, {}};
  place.values.reserve(rows.row_count * sizeof(uint64_t));
  for (uint64_t row = 0; row < rows.row_count; ++row)
    place.push(part_order);
  rows.columns.push_back(std::move(place));
  auto hold = [&](table_data piece) -> error {
    const std::lock_guard lock{mutex_};
    const auto bytes = piece.byte_count();
    rows_ += piece.row_count;
    bytes_ += bytes;
    pieces_.push_back(std::move(piece));
    return room_.add(bytes);
  };
  room.release();
  if (auto refused = hold(std::move(rows)))
    return refused;
  while (is_full()) {
    // Others hold theirs while this folds, and wait here when that is too much.
    const std::lock_guard one{fold_mutex_};
    if (!is_full())
      break;
    std::vector<table_data> many;
    held_memory held;
    {
      const std::lock_guard lock{mutex_};
      many.swap(pieces_);
      held = std::exchange(room_, held_memory{stop.memory});
      rows_ = 0;
      bytes_ = 0;
    }
    auto piece = fold(std::move(many), stop);
    if (!piece)
      return piece.failure();
    held.release();
    if (auto refused = hold(*std::move(piece)))
      return refused;
  }
  return {};
}

uint64_t top_keeper::byte_count() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

result<table_data> top_keeper::fold(std::vector<table_data> pieces,
                                    const interruption& stop) {
  uint64_t count = 0;
  for (const auto& piece : pieces)
    count += piece.row_count;
  held_memory beside{stop.memory};
  if (auto refused = beside.set(widest_column(pieces) + count * choice_bytes))
    return refused;
  auto all = joined(std::move(pieces));
  if (!all)
    return all;
  const auto wanted = *shape_.plan.rows_wanted();
  if (wanted > all->row_count)
    return all;
  if (stop.stopped())
    return stop.fault("while rows were chosen");
  row_order places{shape_};
  places.look_at(*all);
  std::vector<uint32_t> rows(all->row_count);
  std::iota(rows.begin(), rows.end(), 0u);
  places.keep_first(wanted, rows);
  if (!rows.empty())
    bound_.lower(places, places.place_of(places.last_of(rows)));
  std::sort(rows.begin(), rows.end());
  const auto columns = all->columns.size();
  return moved_rows(*std::move(all), rows, columns, stop);
}

result<table_data> top_keeper::finish(size_t columns, uint64_t skip,
                                      const interruption& stop) {
  const std::lock_guard lock{mutex_};
  if (!pieces_.empty()) {
    auto all = fold(std::exchange(pieces_, {}), stop);
    if (!all)
      return all;
    held_memory beside{stop.memory};
    if (auto refused = beside.set(all->row_count * sizeof(uint32_t)))
      return refused;
    const auto order = sort_rows(*all, shape_.top_terms(), stop);
    if (!order)
      return order.failure();
    const auto wanted
      = std::span{*order}.subspan(std::min<uint64_t>(skip, order->size()));
    return moved_rows(*std::move(all), wanted, columns, stop);
  }
  table_data none;
  auto known = shape_.partial_columns();
  known.push_back({".part_order", column_type::long_});
  known.resize(columns);
  for (const auto& each : known) {
    auto column = column_writer{each.name, each.type}.finish();
    if (!column)
      return column.failure();
    none.columns.push_back(*std::move(column));
  }
  return none;
}

} // namespace millrace::query
