#include <millrace/query/execution/filter.hpp>
#include <millrace/query/execution/ordered_bits_internal.hpp>
#include <millrace/query/execution/range_bits.hpp>
#include <millrace/query/execution/sort.hpp>
#include <millrace/query/execution/top_rows.hpp>

#include <algorithm>
#include <iterator>
#include <limits>

namespace millrace::query {

result<table_data> joined(const std::vector<table_data>& pieces) {
  table_data all;
  for (const auto& piece : pieces)
    all.row_count += piece.row_count;
  const auto& first = pieces.front().columns;
  for (size_t i = 0; i < first.size(); ++i) {
    column_writer writer{first[i].name, first[i].type};
    for (const auto& piece : pieces)
      writer.append_range(ref_of(piece.columns[i]), &piece.columns[i], 0,
                          piece.row_count);
    auto column = writer.finish();
    if (!column)
      return column.failure();
    all.columns.push_back(std::move(*column));
  }
  return all;
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

/// Rows held beside twice those that are asked for.
constexpr uint64_t spare_rows = 64 * 1024;

} // namespace

error top_keeper::add(uint64_t part_order, table_data rows,
                      const interruption& stop) {
  if (rows.row_count == 0)
    return {};
  column_data place{".part_order", column_type::long_, {}, {}, {}};
  for (uint64_t row = 0; row < rows.row_count; ++row)
    place.push(part_order);
  rows.columns.push_back(std::move(place));
  std::vector<table_data> many;
  auto hold = [&](table_data piece) {
    const std::lock_guard lock{mutex_};
    rows_ += piece.row_count;
    bytes_ += piece.byte_count();
    pieces_.push_back(std::move(piece));
    if (pieces_.size() > 1
        && rows_ > 2 * *shape_.plan.rows_wanted() + spare_rows) {
      many.swap(pieces_);
      rows_ = 0;
      bytes_ = 0;
    }
  };
  // Others hold theirs while this reduces.
  for (hold(std::move(rows)); !many.empty();) {
    auto piece = reduced(many, stop);
    if (!piece)
      return piece.failure();
    many.clear();
    hold(*std::move(piece));
  }
  return {};
}

uint64_t top_keeper::byte_count() const {
  const std::lock_guard lock{mutex_};
  return bytes_;
}

result<table_data> top_keeper::reduced(const std::vector<table_data>& pieces,
                                       const interruption& stop) {
  auto all = joined(pieces);
  if (!all)
    return all;
  auto order = sort_rows(*all, shape_.top_terms(), stop);
  if (!order)
    return order.failure();
  const auto [begin, end] = kept_rows(order->size(), shape_.plan.sublist);
  const auto wanted = *shape_.plan.rows_wanted();
  if (end - begin == wanted && wanted > 0) {
    row_order places{shape_};
    places.look_at(*all);
    const auto last = *shape_.plan.sublist < 0 ? begin : end - 1;
    bound_.lower(places, places.place_of((*order)[last]));
  }
  return take_rows(*all, std::span{*order}.subspan(begin, end - begin),
                   all->columns.size(), stop);
}

result<table_data> top_keeper::finish(const interruption& stop) {
  const std::lock_guard lock{mutex_};
  if (!pieces_.empty())
    return reduced(pieces_, stop);
  table_data none;
  auto columns = shape_.partial_columns();
  columns.push_back({".part_order", column_type::long_});
  for (const auto& each : columns) {
    auto column = column_writer{each.name, each.type}.finish();
    if (!column)
      return column.failure();
    none.columns.push_back(*std::move(column));
  }
  return none;
}

} // namespace millrace::query
