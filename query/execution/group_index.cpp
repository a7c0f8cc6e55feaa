#include <millrace/query/execution/group_index.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
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

group_index::group_index(uint32_t words) : words_{words}, slots_(64, 0) {}

uint64_t group_index::hash(const uint64_t* key) const noexcept {
  uint64_t h = 0;
  for (uint32_t i = 0; i < words_; ++i) {
    h = (h ^ key[i]) * 0x9e3779b97f4a7c15ULL;
    h ^= h >> 32;
  }
  return h;
}

uint32_t group_index::find_or_add(const uint64_t* wanted) {
  if (!hashed_)
    rehash(std::bit_ceil(size_t{count_} * 4 + 64));
  const auto mask = slots_.size() - 1;
  auto slot = hash(wanted) & mask;
  while (slots_[slot] != 0) {
    const auto* held = key(slots_[slot] - 1);
    bool same = true;
    for (uint32_t i = 0; i < words_; ++i)
      same &= held[i] == wanted[i];
    if (same)
      return slots_[slot] - 1;
    slot = (slot + 1) & mask;
  }
  const auto group = count_++;
  slots_[slot] = group + 1;
  keys_.insert(keys_.end(), wanted, wanted + words_);
  if (size_t{count_} * 2 > slots_.size())
    rehash(slots_.size() * 4);
  return group;
}

void group_index::adopt(std::vector<uint64_t> keys, uint32_t count) {
  MILLRACE_ASSERT(adopts() && keys.size() >= size_t{count} * words_);
  keys.resize(size_t{count} * words_);
  if (count_ == 0)
    keys_ = std::move(keys);
  else
    keys_.insert(keys_.end(), keys.begin(), keys.end());
  count_ += count;
  hashed_ = false;
}

void group_index::reserve(size_t count) {
  keys_.reserve(count * words_);
  if (count * 2 > slots_.size())
    rehash(std::bit_ceil(count * 2));
}

void group_index::rehash(size_t slots) {
  hashed_ = true;
  slots_.assign(slots, 0);
  const auto mask = slots - 1;
  for (uint32_t group = 0; group < count_; ++group) {
    auto slot = hash(key(group)) & mask;
    while (slots_[slot] != 0)
      slot = (slot + 1) & mask;
    slots_[slot] = group + 1;
  }
}

uint64_t key_word(double value) noexcept {
  if (value != value)
    value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
}

double float_of_word(uint64_t word) noexcept {
  return std::bit_cast<double>(word);
}

group_set::group_set(const plan_shape& shape)
  : shape_{shape}, index_{shape.key_words},
    pools_(shape.keys.size()), states_{shape.make_states()} {}

size_t group_set::byte_count() const noexcept {
  size_t total = index_.byte_count();
  for (const auto& pool : pools_)
    total += pool.byte_count();
  for (const auto& state : states_)
    total += state->byte_count();
  return total;
}

void group_set::reserve(size_t count) {
  index_.reserve(count);
  for (auto& state : states_)
    state->reserve(count);
}

void group_set::grow_states() {
  for (auto& state : states_)
    state->resize(index_.size());
}

result<group_set> group_set::some(const interruption& stop) && {
  const auto count = index_.size();
  table_data keys;
  keys.row_count = count;
  for (size_t k = 0; k < shape_.keys.size(); ++k) {
    auto column = save_key(k, {}, 0, count);
    if (!column)
      return column.failure();
    keys.columns.push_back(std::move(*column));
  }
  const auto order = sort_rows(keys, shape_.group_terms(), stop);
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
    out.states_[a]->combine(*states_[a], targets, 0);
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
      out.values.reserve(4 * end);
      for (auto g = begin; g < end; ++g)
        out.push(static_cast<uint32_t>(word_of(g, item)[0]));
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

result<table_data>
group_set::save(size_t begin, size_t end,
                std::span<const std::vector<column_ref>> values, bool finished,
                const interruption& stop) const {
  table_data out;
  out.row_count = end - begin;
  const auto names = result_columns(shape_.plan);
  for (size_t k = 0; k < shape_.keys.size(); ++k) {
    auto column = save_key(k, names[k].name, begin, end);
    if (!column)
      return column.failure();
    out.columns.push_back(std::move(*column));
  }
  for (size_t a = 0; a < states_.size(); ++a) {
    if (stop.stopped())
      return stop.fault("while groups were written");
    const std::span<const column_ref> sources
      = values.empty() ? std::span<const column_ref>{} : values[a];
    if (finished) {
      auto column = states_[a]->finish(begin, end, sources);
      if (!column)
        return column.failure();
      out.columns.push_back(std::move(*column));
    } else if (auto fault
               = states_[a]->save(begin, end, sources, out.columns)) {
      return fault;
    }
  }
  return out;
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
    index_.adopt(std::move(keys), static_cast<uint32_t>(rows));
  } else {
    for (uint64_t row = 0; row < rows; ++row)
      targets[row] = index_.find_or_add(keys.data() + row * words);
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
