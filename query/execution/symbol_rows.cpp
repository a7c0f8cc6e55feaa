#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/symbol_rows_internal.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace millrace::query {

namespace {

/// A writer looks symbols of another dictionary up anew, and here parts take
/// turns: larger dictionaries are not for that.
constexpr uint32_t entries_max = 4096;

/// Where a row stands among the runs of its symbol.
struct timed_place {
  int64_t time = 0;
  uint32_t run = 0;
  uint32_t row = 0;
  friend bool operator<(const timed_place& a, const timed_place& b) noexcept {
    return std::tie(a.time, a.run) < std::tie(b.time, b.run);
  }
};

/// Whether rows are one after the other.
bool follow_in_place(std::span<const uint32_t> rows) {
  return rows.back() - rows.front() + 1 == rows.size()
         && std::adjacent_find(
              rows.begin(), rows.end(),
              [](uint32_t a, uint32_t b) { return b != a + 1; })
              == rows.end();
}

void append_rows(const column_ref& from, std::span<const uint32_t> rows,
                 column_writer& to) {
  if (follow_in_place(rows))
    to.append_range(from, from.dictionary, rows.front(),
                    size_t{rows.back()} + 1);
  else
    to.append(from, from.dictionary, rows.data(), rows.size());
}

} // namespace

void timed_runs::clear() {
  runs.clear();
  times.clear();
  rows.clear();
  held.clear();
}

error timed_runs::fault() const {
  for (const auto& each : held)
    if (auto lost = each->fault())
      return lost;
  return {};
}

bool timed_runs::in_order() const {
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto& here = runs[i].times;
    if (i > 0 && here.front() < runs[i - 1].times.back())
      return false;
    // Those of a range are sorted.
    if (runs[i].rows && !std::is_sorted(here.begin(), here.end()))
      return false;
  }
  return true;
}

void timed_runs::put_in_order() {
  if (in_order())
    return;
  std::vector<timed_place> places;
  for (uint32_t run = 0; run < runs.size(); ++run)
    for (size_t i = 0; i < runs[run].times.size(); ++i)
      places.push_back({runs[run].times[i], run, runs[run].row(i)});
  std::stable_sort(places.begin(), places.end());
  times.resize(places.size());
  rows.resize(places.size());
  std::vector<timed_run> ordered;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& place = places[i];
    times[i] = place.time;
    rows[i] = place.row;
    const auto unit = runs[place.run].unit;
    if (i == 0 || ordered.back().unit != unit)
      ordered.push_back({unit, 0, rows.data() + i, {times.data() + i, 0}});
    auto& run = ordered.back();
    run.times = {run.times.data(), run.times.size() + 1};
  }
  runs = std::move(ordered);
}

symbol_rows::symbol_rows(logical_plan plan, const execution_options& options)
  : setup_{std::move(plan)} {
  setup_.stop = options.stop;
  setup_.stop.table = setup_.shape.plan.table;
}

bool symbol_rows::knows(const std::string& symbol, const std::string& time) {
  const auto& plan = setup_.shape.plan;
  const auto symbols = output(symbol);
  const auto times = output(time);
  if (!symbols || !times || !plan.computed.empty() || plan.rows_max != 0
      || plan.bytes_max != 0)
    return false;
  symbol_ = setup_.shape.outputs[*symbols];
  time_ = setup_.shape.outputs[*times];
  const auto type = plan.types[time_].type;
  return plan.types[symbol_].type == column_type::symbol && !is_float(type)
         && !is_text(type) && width_of(type) == sizeof(int64_t);
}

std::optional<size_t> symbol_rows::output(std::string_view name) const {
  const auto& outputs = setup_.shape.plan.outputs;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == name)
      return i;
  return std::nullopt;
}

result<bool> symbol_rows::find(std::vector<persistence::table_view> parts,
                               text::interner& symbols) {
  setup_.parts = std::move(parts);
  // No morsels within this one.
  if (auto fault = prepare(setup_, std::numeric_limits<uint32_t>::max()))
    return fault;
  std::vector<uint32_t> order(setup_.units.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto part_order = [&](uint32_t unit) {
    const auto& binding = setup_.bindings[setup_.units[unit].binding];
    return setup_.parts[binding.part].part_order;
  };
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return part_order(a) < part_order(b);
  });
  for (const auto& unit : setup_.units)
    if (!tells(unit))
      return false;
  for (const auto unit : order) {
    if (setup_.stop.stopped())
      return setup_.stop.fault("before its first rows");
    if (setup_.segment_of(setup_.units[unit]).ranges.empty())
      add_listed(unit, symbols);
    else
      add_ranges(unit, symbols);
  }
  return true;
}

/// Whether its symbols and times are the ones that are asked for, and nothing
/// else is asked of its rows.
bool symbol_rows::tells(const scan_unit& unit) const {
  const auto& binding = setup_.bindings[unit.binding];
  const auto& segment = setup_.segment_of(unit);
  if (binding.sort_symbol != symbol_ || binding.sort_time != time_
      || !binding.other_filters.empty())
    return false;
  const auto symbols = binding.columns[symbol_];
  const auto times = binding.columns[time_];
  if (symbols >= segment.columns.size() || times >= segment.columns.size()
      || !segment.columns[symbols].has_values()
      || !segment.columns[times].has_values()
      || segment.columns[times].type != setup_.shape.plan.types[time_].type)
    return false;
  if (!binding.dictionaries[symbol_]
      || (segment.ranges.empty() && (!segment.index || segment.source)))
    return false;
  return std::all_of(setup_.shape.outputs.begin(), setup_.shape.outputs.end(),
                     [&](uint32_t column) {
                       const auto* texts = binding.dictionaries[column];
                       return column == symbol_ || !texts
                              || texts->size() <= entries_max;
                     });
}

bool symbol_rows::passes(const part_binding& binding, uint32_t code) const {
  return std::all_of(
    binding.symbol_filters.begin(), binding.symbol_filters.end(),
    [&](uint32_t f) { return binding.filters[f].passes_code(code); });
}

void symbol_rows::add_run(uint32_t symbol, const stored_run& run) {
  if (symbol >= runs_.size())
    runs_.resize(symbol + 1);
  runs_[symbol].push_back(run);
}

void symbol_rows::add_ranges(uint32_t number, text::interner& symbols) {
  const auto& unit = setup_.units[number];
  const auto& binding = setup_.bindings[unit.binding];
  for (const auto& range :
       ranges_within(setup_.segment_of(unit), unit.begin, unit.end))
    if (passes(binding, range.code))
      add_run(symbols.code(binding.dictionaries[symbol_]->text(range.code)),
              {number, std::max(range.begin, unit.begin),
               std::min(range.end, unit.end)});
}

void symbol_rows::add_listed(uint32_t number, text::interner& symbols) {
  const auto& unit = setup_.units[number];
  const auto& binding = setup_.bindings[unit.binding];
  const auto& segment = setup_.segment_of(unit);
  const auto* dictionary = binding.dictionaries[symbol_];
  if (numbered_ != dictionary) {
    numbers_.clear();
    numbered_ = dictionary;
  }
  const auto add = [&](uint32_t code) {
    const auto rows = segment.index->rows(code, segment.row_count);
    if (rows.empty() || !passes(binding, code))
      return;
    if (code >= numbers_.size())
      numbers_.resize(code + 1, no_row);
    if (numbers_[code] == no_row)
      numbers_[code] = symbols.code(dictionary->text(code));
    add_run(numbers_[code],
            {number, 0, static_cast<uint32_t>(rows.size()), rows.data()});
  };
  for (const auto f : binding.symbol_filters)
    if (const auto* few = binding.filters[f].few_codes()) {
      std::for_each(few->begin(), few->end(), add);
      return;
    }
  const auto codes = dictionary->size();
  for (uint32_t code = 0; code < codes; ++code)
    add(code);
}

error symbol_rows::load(uint32_t symbol, timed_runs& to) {
  to.clear();
  if (symbol >= runs_.size())
    return {};
  size_t listed = 0;
  for (const auto& run : runs_[symbol])
    listed += run.listed ? run.end - run.begin : 0;
  // Runs point to them.
  to.times.reserve(listed);
  to.rows.reserve(listed);
  for (const auto& run : runs_[symbol]) {
    if (setup_.stop.stopped())
      return setup_.stop.fault("while times were read");
    if (run.listed)
      load_listed(run, to);
    else if (auto fault = load_range(run, to))
      return fault;
  }
  return {};
}

error symbol_rows::load_range(const stored_run& run, timed_runs& to) {
  const auto& unit = setup_.units[run.unit];
  const auto& binding = setup_.bindings[unit.binding];
  const auto& segment = setup_.segment_of(unit);
  const auto stored = binding.columns[time_];
  const auto* times = segment.columns[stored].as<int64_t>();
  if (segment.columns[stored].unread) {
    auto values = segment.source->read(stored, run.begin, run.end);
    if (!values)
      return values.failure();
    times = reinterpret_cast<const int64_t*>(values->values);
    for (auto& each : values->held)
      if (each && (to.held.empty() || to.held.back() != each))
        to.held.push_back(std::move(each));
  }
  auto begin = run.begin;
  auto end = run.end;
  narrow_by_time(binding, times, begin, end);
  setup_.statistics.rows_scanned += end - begin;
  setup_.statistics.rows_matched += end - begin;
  if (begin != end)
    to.runs.push_back({run.unit, begin, nullptr, {times + begin, end - begin}});
  return {};
}

void symbol_rows::load_listed(const stored_run& run, timed_runs& to) {
  const auto& unit = setup_.units[run.unit];
  const auto& binding = setup_.bindings[unit.binding];
  const auto* from
    = setup_.segment_of(unit).columns[binding.columns[time_]].as<int64_t>();
  auto low = std::numeric_limits<int64_t>::min();
  auto high = std::numeric_limits<int64_t>::max();
  for (const auto f : binding.time_filters) {
    low = std::max(low, binding.filters[f].low());
    high = std::min(high, binding.filters[f].high());
  }
  const auto first = to.times.size();
  to.times.resize(first + (run.end - run.begin));
  to.rows.resize(first + (run.end - run.begin));
  auto* times = to.times.data() + first;
  auto* rows = to.rows.data() + first;
  size_t count = 0;
  // They lie apart, and are fetched so many at a time.
  constexpr uint32_t ahead = 32;
  for (auto i = run.begin; i < run.end; ++i) {
    if (run.end - i > ahead)
      __builtin_prefetch(from + run.listed[i + ahead]);
    const auto row = run.listed[i];
    times[count] = from[row];
    rows[count] = row;
    count += from[row] >= low && from[row] <= high;
  }
  to.times.resize(first + count);
  to.rows.resize(first + count);
  setup_.statistics.rows_scanned += run.end - run.begin;
  setup_.statistics.rows_matched += count;
  if (count != 0)
    to.runs.push_back(
      {run.unit, 0, to.rows.data() + first, {to.times.data() + first, count}});
}

/// Once for each unit, though its pieces may be many.
result<symbol_rows::values_by_unit> symbol_rows::read(const placed_rows& rows,
                                                      size_t begin, size_t end,
                                                      uint32_t column) const {
  values_by_unit out;
  for (auto piece = rows.piece_of(begin); begin < end; ++piece) {
    const auto last = std::min(end, piece->end);
    if (piece->unit != placed_rows::no_unit) {
      auto& of = out[piece->unit];
      for (; begin < last; ++begin) {
        of.low = std::min(of.low, rows.rows[begin]);
        of.high = std::max(of.high, rows.rows[begin]);
      }
    }
    begin = last;
  }
  for (auto& [number, of] : out) {
    const auto& unit = setup_.units[number];
    const auto& binding = setup_.bindings[unit.binding];
    const auto& segment = setup_.segment_of(unit);
    of.from = setup_.column_of(binding, segment, column);
    const auto stored = binding.columns[column];
    if (stored >= segment.columns.size() || !segment.columns[stored].unread)
      continue;
    auto values = segment.source->read(stored, of.low, of.high + 1);
    if (!values)
      return values.failure();
    of.held = *std::move(values);
    of.from.values = of.held.values;
    of.from.bytes = of.held.text;
  }
  return out;
}

error symbol_rows::fetch(const placed_rows& rows, size_t output,
                         column_writer& to, const appender& instead) const {
  return fetch(rows, 0, rows.rows.size(), output, to, instead);
}

error symbol_rows::fetch(const placed_rows& rows, size_t begin, size_t end,
                         size_t output, column_writer& to,
                         const appender& instead) const {
  auto values = read(rows, begin, end, setup_.shape.outputs[output]);
  if (!values)
    return values.failure();
  auto looked = begin;
  const auto before = to.byte_count();
  held_memory room{setup_.stop.memory};
  for (auto piece = rows.piece_of(begin); begin < end;) {
    const auto last = std::min({end, piece->end, begin + rows_between_looks});
    if (piece->unit != placed_rows::no_unit)
      append_rows(values->at(piece->unit).from,
                  std::span{rows.rows}.subspan(begin, last - begin), to);
    else if (!instead)
      to.append_nulls(last - begin);
    else if (auto fault = instead(begin, last))
      return fault;
    begin = last;
    if (begin == piece->end)
      ++piece;
    if (begin - looked < rows_between_looks)
      continue;
    looked = begin;
    if (setup_.stop.stopped())
      return setup_.stop.fault("while rows were gathered");
    if (auto refused = room.set(to.byte_count() - before))
      return refused;
  }
  for (const auto& [number, of] : *values)
    for (const auto& held : of.held.held)
      if (held)
        if (auto lost = held->fault())
          return lost;
  return {};
}

error symbol_rows::fault() const {
  for (const auto& held : setup_.opened)
    if (auto lost = held->fault())
      return lost;
  return {};
}

} // namespace millrace::query
