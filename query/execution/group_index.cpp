#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/top_rows.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <numeric>

namespace millrace::query {

plan_shape::plan_shape(logical_plan from) : plan{std::move(from)} {
  order_column = *column_number(plan.order_column);
  symbol_column = column_number(plan.symbol_column);
  time_column = column_number(plan.time_column);
  const auto columns = result_columns(plan);
  for (size_t i = 0; i < plan.keys.size(); ++i) {
    const auto& key = plan.keys[i];
    keys.push_back({*column_number(key.column), columns[i].type, key.bar_ns,
                    key_words, key.by_day});
    key_words += columns[i].type == column_type::guid ? 2 : 1;
  }
  for (const auto& agg : plan.aggregates) {
    auto& list = inputs.emplace_back();
    for (const auto& column : agg.columns)
      list.push_back(*column_number(column));
  }
  for (const auto& each : plan.computed)
    computed.push_back(*column_number(each.name));
  for (const auto& output : plan.outputs)
    outputs.push_back(*column_number(output.column));
}

std::optional<uint32_t>
plan_shape::column_number(std::string_view name) const noexcept {
  for (uint32_t i = 0; i < plan.types.size(); ++i)
    if (plan.types[i].name == name)
      return i;
  return std::nullopt;
}

state_list plan_shape::make_states() const {
  state_list states;
  for (size_t i = 0; i < plan.aggregates.size(); ++i)
    states.push_back(make_state(plan.aggregates[i], plan, inputs[i]));
  return states;
}

bool plan_shape::keeps_some_groups() const noexcept {
  return plan.grouped() && !keys.empty() && plan.sublist
         && std::all_of(plan.ordering.begin(), plan.ordering.end(),
                        [this](const order_term& term) {
                          return term.output < keys.size();
                        });
}

std::vector<sort_term> plan_shape::group_terms() const {
  std::vector<sort_term> terms;
  for (const auto& term : plan.ordering)
    terms.push_back({term.output, term.descending});
  for (uint32_t k = 0; k < keys.size(); ++k)
    terms.push_back({k});
  return terms;
}

std::vector<sort_term> plan_shape::order_terms() const {
  std::vector<sort_term> terms;
  for (const auto& term : plan.ordering)
    terms.push_back({term.output, term.descending});
  // Rows of one time come as they came, whatever their symbol: as first and
  // last take them.
  const bool by_time = std::any_of(
    plan.ordering.begin(), plan.ordering.end(),
    [this](const auto& term) { return outputs[term.output] == order_column; });
  auto column = static_cast<uint32_t>(outputs.size());
  if (symbol_column && !by_time)
    terms.push_back({column});
  if (symbol_column)
    ++column;
  terms.push_back({column++});
  terms.push_back({column, false, true});
  return terms;
}

std::vector<sort_term> plan_shape::top_terms() const {
  auto terms = order_terms();
  const auto part = static_cast<uint32_t>(partial_columns().size());
  terms.insert(terms.end() - 1, {part, false, true});
  return terms;
}

std::vector<column_schema> plan_shape::partial_columns() const {
  if (!plan.grouped()) {
    auto columns = result_columns(plan);
    if (!plan.ordering.empty()) {
      if (symbol_column)
        columns.push_back({".symbol", plan.types[*symbol_column].type});
      columns.push_back({".time", column_type::timestamp});
      columns.push_back({".order", column_type::long_});
    }
    return columns;
  }
  auto columns = result_columns(plan);
  columns.resize(keys.size());
  for (const auto& state : make_states())
    for (auto& column : state->state_columns())
      columns.push_back(std::move(column));
  return columns;
}

namespace {

/// How dense keys find a plan's groups: by a text, or by one and whole numbers.
std::optional<dense_keys::words> dense_words(const plan_shape& shape) {
  std::optional<uint32_t> text;
  std::optional<uint32_t> number;
  for (const auto& key : shape.keys) {
    const bool is_number = !is_text(key.type) && !is_float(key.type)
                           && key.type != column_type::guid
                           && key.type != column_type::char_;
    auto& to = is_number ? number : text;
    if (to || (!is_number && !is_text(key.type)))
      return std::nullopt;
    to = key.word;
  }
  if (!text)
    return std::nullopt;
  return dense_keys::words{*text, number};
}

} // namespace

group_set::group_set(const plan_shape& shape)
  : shape_{shape}, index_{shape.key_words},
    pools_(shape.keys.size()), states_{shape.make_states()} {
  if (const auto words = dense_words(shape))
    dense_.emplace(*words);
}

void group_set::add_all(const uint64_t* keys, size_t count, uint32_t* groups) {
  if (!dense_)
    return index_.find_or_add_all(keys, count, groups);
  for (size_t i = 0; i < count; ++i)
    groups[i] = add(keys + i * shape_.key_words);
}

void group_set::adopt(const uint64_t* keys, uint32_t count) {
  index_.adopt(keys, count);
}

uint32_t group_set::add_dense(const uint64_t* key) {
  auto* place = dense_->find(key);
  if (!place) {
    dense_.reset();
    return index_.find_or_add(key);
  }
  if (*place == 0) {
    dense_->put(place, dense_groups_++);
    index_.adopt(key, 1);
  }
  return *place - 1;
}

void group_set::find_adopted() {
  for (; dense_ && dense_groups_ < index_.size(); ++dense_groups_) {
    auto* place = dense_->find(index_.key(dense_groups_));
    if (!place)
      return dense_.reset();
    if (*place == 0)
      dense_->put(place, dense_groups_);
  }
}

std::vector<uint32_t> group_set::texts_in_order(size_t k) const {
  const auto& pool = pools_[k];
  std::vector<uint32_t> out(pool.size());
  std::iota(out.begin(), out.end(), 0u);
  std::sort(out.begin(), out.end(), [&](uint32_t a, uint32_t b) {
    return pool.text(a) < pool.text(b);
  });
  return out;
}

std::optional<std::vector<uint32_t>> group_set::key_order() {
  if (dense_)
    find_adopted();
  if (!dense_)
    return std::nullopt;
  const auto text = is_text(shape_.keys[0].type) ? size_t{0} : size_t{1};
  auto order = dense_->in_order(texts_in_order(text), text == 0);
  // Keys that came from elsewhere may not be distinct.
  if (order && order->size() != index_.size())
    return std::nullopt;
  return order;
}

size_t group_set::byte_count() const noexcept {
  size_t total = index_.byte_count() + (dense_ ? dense_->byte_count() : 0);
  for (const auto& pool : pools_)
    total += pool.byte_count();
  for (const auto& state : states_)
    total += state->byte_count();
  return total;
}

void group_set::grow_states() {
  for (auto& state : states_)
    state->resize(index_.size());
}

result<group_set> group_set::some(const interruption& stop) && {
  const auto count = index_.size();
  held_memory room{stop.memory};
  if (auto refused = room.set(
        count * (shape_.key_words * sizeof(uint64_t) + 2 * sizeof(uint32_t))))
    return refused;
  const auto keys = save_keys(0, count);
  if (!keys)
    return keys.failure();
  const auto order = sort_rows(*keys, shape_.group_terms(), stop);
  if (!order)
    return order.failure();
  const auto [first, last] = kept_rows(count, shape_.plan.sublist);
  group_set out{shape_};
  out.pools_ = std::move(pools_);
  // All others share the state after the last, which is given up.
  const auto others = static_cast<uint32_t>(last - first);
  std::vector<uint32_t> targets(count, others);
  for (auto i = first; i < last; ++i)
    targets[(*order)[i]] = out.add(index_.key((*order)[i]));
  for (size_t a = 0; a < states_.size(); ++a) {
    if (stop.stopped())
      return stop.fault("while groups were chosen");
    out.states_[a]->resize(size_t{others} + 1);
    out.states_[a]->combine(*states_[a], 0, targets);
  }
  return out;
}

void group_set::settle() {
  for (auto& state : states_)
    state->settle();
}

result<column_data> group_set::save_key(size_t k, std::string name,
                                        size_t begin, size_t end) const {
  const auto& item = shape_.keys[k];
  if (is_text(item.type)) {
    const bool all = begin == 0 && end == index_.size();
    if (item.type == column_type::symbol && all) {
      column_data out{std::move(name), item.type, {}, {}, {}};
      auto* to = out.extend<uint32_t>(end);
      for (auto g = begin; g < end; ++g)
        *to++ = static_cast<uint32_t>(word_of(g, item)[0]);
      copy_into(out, pools_[k]);
      return out;
    }
    column_writer writer{std::move(name), item.type};
    for (auto g = begin; g < end; ++g)
      writer.append_text(
        pools_[k].text(static_cast<uint32_t>(word_of(g, item)[0])));
    return writer.finish();
  }
  column_data out{std::move(name), item.type, {}, {}, {}};
  if (item.type == column_type::timestamp || item.type == column_type::timespan
      || item.type == column_type::long_) {
    auto* to = out.extend<uint64_t>(end - begin);
    for (auto g = begin; g < end; ++g)
      *to++ = word_of(g, item)[0];
    return out;
  }
  out.values.reserve((end - begin) * width_of(item.type));
  for (auto g = begin; g < end; ++g) {
    const auto* words = word_of(g, item);
    if (is_float(item.type))
      push_float(out, float_of_word(words[0]));
    else if (item.type == column_type::guid)
      out.push(std::pair{words[0], words[1]});
    else if (item.type == column_type::char_)
      out.push(static_cast<uint8_t>(words[0]));
    else
      push_integer(out, static_cast<int64_t>(words[0]));
  }
  return out;
}

result<table_data> group_set::save_keys(size_t begin, size_t end) const {
  table_data out;
  out.row_count = end - begin;
  for (size_t k = 0; k < shape_.keys.size(); ++k) {
    auto column = save_key(k, {}, begin, end);
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

result<table_data>
group_set::save(size_t begin, size_t end,
                std::span<const std::vector<column_ref>> values, bool finished,
                const interruption& stop, persistence::executor* pool) const {
  const auto names = result_columns(shape_.plan);
  const auto keys = shape_.keys.size();
  std::vector<std::vector<column_data>> columns(keys + states_.size());
  std::vector<error> faults(columns.size());
  auto put = [&](size_t i, result<column_data> column) {
    if (column)
      columns[i].push_back(*std::move(column));
    else
      faults[i] = column.failure();
  };
  for_pieces(pool, columns.size(), [&](size_t i) {
    if (stop.stopped()) {
      faults[i] = stop.fault("while groups were written");
      return;
    }
    if (i < keys)
      return put(i, save_key(i, names[i].name, begin, end));
    const auto a = i - keys;
    const std::span<const column_ref> sources
      = values.empty() ? std::span<const column_ref>{} : values[a];
    if (finished)
      put(i, states_[a]->finish(begin, end, sources));
    else
      faults[i] = states_[a]->save(begin, end, sources, columns[i]);
  });
  table_data out;
  out.row_count = end - begin;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (faults[i])
      return faults[i];
    std::move(columns[i].begin(), columns[i].end(),
              std::back_inserter(out.columns));
  }
  return out;
}

result<table_data>
group_set::finish(std::span<const std::vector<column_ref>> values,
                  const interruption& stop, persistence::executor* pool) {
  // Some at a time, so that it can be told to stop.
  constexpr size_t step = 1024 * 1024;
  const auto count = index_.size();
  uint64_t width = 0;
  for (const auto& each : result_columns(shape_.plan))
    width += width_of(each.type);
  // The table, and as many rows of it in their order, whose numbers are known.
  held_memory room{stop.memory};
  if (auto refused = room.set(count * (2 * width + sizeof(uint32_t))))
    return refused;
  std::vector<table_data> pieces;
  for (size_t begin = 0; begin < count || pieces.empty(); begin += step) {
    if (stop.stopped())
      return stop.fault("while groups were finished");
    auto piece = save(begin, std::min<size_t>(begin + step, count), values,
                      true, stop, pool);
    if (!piece)
      return piece;
    pieces.push_back(*std::move(piece));
  }
  auto table = joined(std::move(pieces));
  if (!table)
    return table;
  const auto terms = shape_.group_terms();
  std::optional<std::vector<uint32_t>> order;
  if (shape_.plan.ordering.empty())
    order = key_order();
  if (!order) {
    auto sorted = sort_rows(*table, terms, stop);
    if (!sorted)
      return sorted.failure();
    order = *std::move(sorted);
  }
  const auto [first, last] = result_rows(order->size(), shape_.plan);
  if (last - first == table->row_count
      && std::is_sorted(order->begin(), order->end()))
    return table;
  return take_rows(*table, std::span{*order}.subspan(first, last - first),
                   table->columns.size(), stop, pool);
}

namespace {

/// Words of key `item` for every row of a chunk's column.
void fill_words(const column_data& column, const plan_shape::key_item& item,
                text::interner& pool, uint32_t words, uint64_t rows,
                uint64_t* to) {
  std::vector<uint32_t> map;
  if (column.type == column_type::symbol)
    for (uint32_t code = 0; code < column.dictionary_ends.size(); ++code)
      map.push_back(pool.code(column.entry(code)));
  const auto ref = ref_of(column);
  for (uint64_t row = 0; row < rows; ++row) {
    auto* word = to + row * words + item.word;
    if (column.type == column_type::symbol)
      *word = map[column.as<uint32_t>()[row]];
    else if (column.type == column_type::string)
      *word = pool.code(column.text(row));
    else if (column.type == column_type::guid)
      std::memcpy(word, column.values.data() + 16 * row, 16);
    else if (is_float(column.type))
      *word = key_word(float_at(ref, row));
    else if (column.type == column_type::char_)
      *word = column.as<uint8_t>()[row];
    else
      *word = static_cast<uint64_t>(integer_at(ref, row));
  }
}

} // namespace

error group_set::load(const table_data& chunk, uint32_t source, bool fresh) {
  const auto rows = chunk.row_count;
  const auto words = shape_.key_words;
  std::vector<uint64_t> keys(rows * words + 1);
  for (size_t k = 0; k < shape_.keys.size(); ++k)
    fill_words(chunk.columns[k], shape_.keys[k], pools_[k], words, rows,
               keys.data());
  std::vector<uint32_t> targets(rows);
  if (index_.size() == 0 || (fresh && index_.adopts())) {
    // A partial's keys are distinct: those of the first, often the only one,
    // need no hashing.
    std::iota(targets.begin(), targets.end(), index_.size());
    index_.adopt(keys.data(), static_cast<uint32_t>(rows));
  } else {
    add_all(keys.data(), rows, targets.data());
  }
  grow_states();
  size_t column = shape_.keys.size();
  for (auto& state : states_) {
    const auto count = state->state_columns().size();
    if (auto fault = state->load(
          std::span{chunk.columns}.subspan(column, count), targets, source))
      return fault;
    column += count;
  }
  return {};
}

} // namespace millrace::query
