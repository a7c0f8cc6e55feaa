#include <millrace/query/execution/row_choice.hpp>
#include <millrace/query/execution/scan.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <algorithm>
#include <limits>

namespace millrace::query {

namespace {

/// Wanted symbols up to here are looked up one by one in ranges and indexes.
constexpr size_t looked_up_codes_max = 256;

int integer_rank(column_type type) {
  switch (type) {
    case column_type::boolean:
      return 1;
    case column_type::byte_:
      return 2;
    case column_type::short_:
      return 3;
    case column_type::int_:
      return 4;
    case column_type::long_:
      return 5;
    case column_type::real:
      return 6;
    case column_type::float_:
      return 7;
    default:
      return 0;
  }
}

/// Whether values stored as `from` read as `to` without loss of kind.
bool widens(column_type from, column_type to) {
  const auto a = integer_rank(from);
  const auto b = integer_rank(to);
  return from == to || (a != 0 && b != 0 && a <= b);
}

/// Of values that the plan takes as they are stored; none: not known.
std::optional<whole_bounds> bounds_of(const persistence::zone_map& zone,
                                      column_type stored, column_type wanted) {
  if (stored != wanted || is_float(stored) || is_text(stored)
      || stored == column_type::guid || stored == column_type::char_)
    return std::nullopt;
  if (zone.empty)
    return whole_bounds{null_long, null_long};
  // What narrow types have for the infinities widens to others.
  const auto infinity = stored == column_type::short_
                          ? int64_t{std::numeric_limits<int16_t>::max()}
                          : int64_t{inf_int};
  if (width_of(stored) < sizeof(int64_t)
      && (zone.low <= -infinity || zone.high >= infinity))
    return std::nullopt;
  return whole_bounds{zone.may_be_null ? null_long : zone.low, zone.high};
}

class preparation {
public:
  preparation(scan_setup& setup, uint32_t morsel_rows)
    : setup_{setup}, plan_{setup.shape.plan},
      morsel_rows_{std::max(morsel_rows, 1u)}, conditions_{plan_} {
    filters_ = predicates_of(plan_);
  }

  error run() {
    note_reads();
    setup_.morsels.push_back(0);
    for (uint32_t part = 0; part < setup_.parts.size(); ++part)
      if (auto fault = add_part(part))
        return fault;
    close_morsel();
    return {};
  }

private:
  /// Which columns' bytes the plan needs: others may be damaged or missing.
  void note_reads() {
    auto& reads = setup_.columns_read;
    const auto& shape = setup_.shape;
    reads.assign(plan_.types.size(), 0);
    for (const auto& key : shape.keys)
      reads[key.column] = 1;
    for (const auto column : shape.outputs)
      reads[column] = 1;
    for (const auto& each : plan_.computed) {
      std::vector<std::string> names;
      add_columns_of(each.value, names);
      for (const auto& name : names)
        reads[*shape.column_number(name)] = 1;
    }
    bool ordered = !plan_.grouped() && !plan_.ordering.empty();
    for (size_t a = 0; a < plan_.aggregates.size(); ++a) {
      const auto function = plan_.aggregates[a].function;
      setup_.orders_read |= function == aggregate_function::first
                            || function == aggregate_function::last;
      if (function != aggregate_function::count)
        for (const auto column : shape.inputs[a])
          reads[column] = 1;
    }
    setup_.orders_read |= ordered;
    if (setup_.orders_read)
      reads[shape.order_column] = 1;
    if (ordered && shape.symbol_column)
      reads[*shape.symbol_column] = 1;
  }

  error add_part(uint32_t part) {
    auto& view = setup_.parts[part];
    const auto& schema = *view.schema;
    std::vector<uint32_t> columns;
    for (const auto& wanted : plan_.types) {
      const auto found = plan_.is_computed(wanted.name)
                           ? std::nullopt
                           : schema.column_index(wanted.name);
      columns.push_back(found ? static_cast<uint32_t>(*found)
                              : part_binding::absent);
      if (found && !widens(schema.columns[*found].type, wanted.type))
        return {errc::schema_mismatch,
                "table '" + plan_.table + "': column '" + wanted.name
                  + "' is stored as "
                  + std::string{to_string(schema.columns[*found].type)}
                  + ", which the query cannot take as "
                  + std::string{to_string(wanted.type)}};
    }
    bool bound = false;
    ++setup_.statistics.parts_total;
    const auto units_before = setup_.units.size();
    for (uint32_t i = 0; i < view.segments.size(); ++i) {
      if (setup_.stop.stopped())
        return setup_.stop.fault("before its first morsel");
      auto& segment = view.segments[i];
      const auto source = static_cast<uint32_t>(setup_.sources.size());
      setup_.sources.emplace_back(part, i);
      setup_.statistics.rows_total += segment.row_count;
      ++setup_.statistics.segments_total;
      if (segment.row_count == 0)
        continue;
      asked_others_ = false;
      if (!may_pass(columns, schema, segment)) {
        // What a filter says by itself is told by that.
        if (!excluded(columns, schema, segment))
          ++(asked_others_ ? setup_.statistics.left_by_value
                           : setup_.statistics.left_by_time);
        continue;
      }
      if (segment.source) {
        if (excluded(columns, schema, segment))
          continue;
        if (auto fault = open(columns, schema, segment))
          return fault;
      }
      if (!bound || !same_dictionaries(setup_.bindings.back(), segment))
        bind(part, columns, schema, segment);
      bound = true;
      add_segment(segment, i, source);
    }
    setup_.statistics.parts_scanned += setup_.units.size() > units_before;
    return {};
  }

  /// Whether a filter on numbers says that no row passes, before any file of
  /// the segment is looked at.
  bool excluded(const std::vector<uint32_t>& columns,
                const table_schema& schema,
                const persistence::segment_view& segment) {
    numbers_.resize(filters_.size());
    for (uint32_t f = 0; f < filters_.size(); ++f) {
      const auto column = *setup_.shape.column_number(filters_[f].column);
      const auto stored = columns[column];
      if (stored == part_binding::absent || stored >= segment.zones.size()
          || !segment.columns[stored].has_values()
          || is_text(schema.columns[stored].type))
        continue;
      const auto type = schema.columns[stored].type;
      auto& known = numbers_[f];
      if (!known || known->first != type)
        known.emplace(type, bound_filter{filters_[f], column, type, nullptr});
      if (known->second.excludes(segment.zones[stored])) {
        note_left_by(column);
        return true;
      }
    }
    return false;
  }

  /// By conditions that are no filters on one column.
  bool may_pass(const std::vector<uint32_t>& columns,
                const table_schema& schema,
                const persistence::segment_view& segment) {
    return conditions_.may_pass(
      [&](std::string_view name) -> std::optional<whole_bounds> {
        const auto column = setup_.shape.column_number(name);
        if (!column)
          return std::nullopt;
        const auto stored = columns[*column];
        if (stored == part_binding::absent || stored >= segment.zones.size()
            || !segment.columns[stored].has_values())
          return std::nullopt;
        asked_others_
          = asked_others_
            || (name != plan_.time_column && name != plan_.order_column);
        return bounds_of(segment.zones[stored], schema.columns[stored].type,
                         plan_.types[*column].type);
      });
  }

  /// Brings in what the plan is bound to: dictionaries, and ranges if they can
  /// be of use.
  error open(const std::vector<uint32_t>& columns, const table_schema& schema,
             persistence::segment_view& segment) {
    std::vector<uint32_t> symbols;
    bool ranges = false;
    for (uint32_t i = 0; i < columns.size(); ++i) {
      const bool filtered
        = std::any_of(filters_.begin(), filters_.end(), [&](const auto& f) {
            return f.column == plan_.types[i].name;
          });
      if (columns[i] == part_binding::absent
          || (!filtered && !setup_.columns_read[i]))
        continue;
      symbols.push_back(columns[i]);
      ranges |= plan_.types[i].name == schema.symbol_column
                || (filtered && plan_.types[i].name == schema.time_column);
    }
    auto opened
      = segment.source->open(symbols, ranges, setup_.opened.emplace_back());
    if (!opened)
      return opened.failure();
    segment = *opened;
    return {};
  }

  static bool same_dictionaries(const part_binding& binding,
                                const persistence::segment_view& segment) {
    for (size_t i = 0; i < binding.columns.size(); ++i) {
      const auto column = binding.columns[i];
      if (column == part_binding::absent || column >= segment.columns.size())
        continue;
      const auto& view = segment.columns[column];
      if (view.has_values() && view.dictionary != binding.dictionaries[i])
        return false;
    }
    return true;
  }

  void bind(uint32_t part, const std::vector<uint32_t>& columns,
            const table_schema& schema,
            const persistence::segment_view& segment) {
    auto& binding = setup_.bindings.emplace_back();
    binding.part = part;
    binding.columns = columns;
    for (uint32_t i = 0; i < columns.size(); ++i) {
      const auto column = columns[i];
      const bool there
        = column != part_binding::absent && column < segment.columns.size();
      binding.dictionaries.push_back(there ? segment.columns[column].dictionary
                                           : nullptr);
      if (plan_.types[i].name == schema.symbol_column)
        binding.sort_symbol = i;
      if (plan_.types[i].name == schema.time_column)
        binding.sort_time = i;
    }
    for (uint32_t f = 0; f < filters_.size() && !setup_.stop.cancelled(); ++f) {
      const auto column = *setup_.shape.column_number(filters_[f].column);
      const auto stored = columns[column];
      binding.filters.emplace_back(filters_[f], column,
                                   stored == part_binding::absent
                                     ? plan_.types[column].type
                                     : schema.columns[stored].type,
                                   binding.dictionaries[column]);
      const bool there = stored != part_binding::absent;
      if (there && column == binding.sort_symbol)
        binding.symbol_filters.push_back(f);
      else if (there && column == binding.sort_time
               && binding.filters.back().is_range())
        binding.time_filters.push_back(f);
      else
        binding.other_filters.push_back(f);
    }
  }

  /// Codes that pass every symbol filter, when a filter names few.
  bool wanted_codes(const part_binding& binding,
                    std::vector<uint32_t>& codes) const {
    const std::vector<uint32_t>* fewest = nullptr;
    for (const auto f : binding.symbol_filters) {
      const auto* few = binding.filters[f].few_codes();
      if (few && (!fewest || few->size() < fewest->size()))
        fewest = few;
    }
    if (!fewest || fewest->size() > looked_up_codes_max)
      return false;
    codes = *fewest;
    std::erase_if(codes, [&](uint32_t code) {
      return !std::all_of(
        binding.symbol_filters.begin(), binding.symbol_filters.end(),
        [&](uint32_t f) { return binding.filters[f].passes_code(code); });
    });
    return true;
  }

  /// A filter on the column leaves nothing of a segment.
  void note_left_by(uint32_t column) {
    auto& statistics = setup_.statistics;
    const auto& named = plan_.types[column].name;
    if (named == plan_.time_column || named == plan_.order_column)
      ++statistics.left_by_time;
    else if (named == plan_.symbol_column)
      ++statistics.left_by_symbol;
    else
      ++statistics.left_by_value;
  }

  bool pruned(const part_binding& binding,
              const persistence::segment_view& segment) {
    for (const auto& filter : binding.filters) {
      const auto column = binding.columns[filter.column()];
      if (column < segment.zones.size() && column < segment.columns.size()
          && segment.columns[column].has_values()
          && filter.excludes(segment.zones[column])) {
        note_left_by(filter.column());
        return true;
      }
    }
    return false;
  }

  void add_segment(const persistence::segment_view& segment, uint32_t number,
                   uint32_t source) {
    const auto& binding = setup_.bindings.back();
    if (pruned(binding, segment))
      return;
    const auto before = setup_.units.size();
    scan_unit unit{static_cast<uint32_t>(setup_.bindings.size() - 1),
                   number,
                   source,
                   0,
                   segment.row_count,
                   scan_unit::kind::plain};
    const auto symbol = binding.sort_symbol == part_binding::absent
                          ? part_binding::absent
                          : binding.columns[binding.sort_symbol];
    const bool has_symbol
      = symbol < segment.columns.size() && segment.columns[symbol].has_values();
    std::vector<uint32_t> codes;
    if (!segment.ranges.empty()) {
      add_sorted(binding, segment, unit, has_symbol);
    } else if (segment.index && has_symbol && wanted_codes(binding, codes)) {
      size_t rows = 0;
      for (const auto code : codes)
        rows += segment.index->rows(code, segment.row_count).size();
      unit.how = scan_unit::kind::index;
      if (rows > 0)
        add_unit(unit, rows);
    } else {
      add_rows(unit);
    }
    // Its rows are of other symbols.
    ++(setup_.units.size() > before ? setup_.statistics.segments_scanned
                                    : setup_.statistics.left_by_symbol);
  }

  void add_sorted(const part_binding& binding,
                  const persistence::segment_view& segment, scan_unit unit,
                  bool has_symbol) {
    const auto& keys = setup_.shape.keys;
    const bool by_symbol = std::any_of(
      keys.begin(), keys.end(), [&](const plan_shape::key_item& key) {
        return key.column == binding.sort_symbol;
      });
    if (has_symbol
        && (by_symbol || !binding.symbol_filters.empty()
            || !binding.time_filters.empty()))
      unit.how = scan_unit::kind::ranges;
    std::vector<uint32_t> codes;
    if (unit.how == scan_unit::kind::plain || !wanted_codes(binding, codes))
      return add_rows(unit);
    const auto ranges = segment.ranges;
    for (const auto code : codes) {
      const auto found = std::lower_bound(
        ranges.begin(), ranges.end(), code,
        [](const auto& range, uint32_t x) { return range.code < x; });
      if (found == ranges.end() || found->code != code)
        continue;
      unit.begin = found->begin;
      unit.end = found->end;
      add_rows(unit);
    }
  }

  void add_rows(const scan_unit& unit) {
    for (auto begin = unit.begin; begin < unit.end;) {
      auto piece = unit;
      piece.begin = begin;
      piece.end = std::min(unit.end - begin, morsel_rows_) + begin;
      begin = piece.end;
      add_unit(piece, piece.end - piece.begin);
    }
  }

  void add_unit(const scan_unit& unit, size_t rows) {
    setup_.units.push_back(unit);
    pending_rows_ += rows + unit_cost_rows;
    if (pending_rows_ >= morsel_rows_)
      close_morsel();
  }

  void close_morsel() {
    pending_rows_ = 0;
    const auto end = static_cast<uint32_t>(setup_.units.size());
    if (setup_.morsels.back() != end)
      setup_.morsels.push_back(end);
  }

  /// What opening a unit costs, in rows.
  static constexpr size_t unit_cost_rows = 64;

  scan_setup& setup_;
  const logical_plan& plan_;
  uint32_t morsel_rows_;
  size_t pending_rows_ = 0;
  /// Whether conditions asked for bounds of another column than the time.
  bool asked_others_ = false;
  zone_conditions conditions_;
  std::vector<predicate> filters_;
  /// By filter: bound to numbers of a type, which parts share.
  std::vector<std::optional<std::pair<column_type, bound_filter>>> numbers_;
};

} // namespace

column_ref scan_setup::column_of(const part_binding& binding,
                                 const persistence::segment_view& segment,
                                 uint32_t column) const noexcept {
  const auto stored = binding.columns[column];
  if (stored == part_binding::absent || stored >= segment.columns.size()) {
    column_ref nulls;
    nulls.type = shape.plan.types[column].type;
    return nulls;
  }
  return ref_of(segment.columns[stored]);
}

std::span<const persistence::symbol_range>
ranges_within(const persistence::segment_view& segment, uint32_t begin,
              uint32_t end) noexcept {
  const auto& all = segment.ranges;
  const auto first
    = std::upper_bound(all.begin(), all.end(), begin,
                       [](uint32_t row, const auto& x) { return row < x.end; });
  const auto last
    = std::lower_bound(first, all.end(), end, [](const auto& x, uint32_t row) {
        return x.begin < row;
      });
  return {first, last};
}

void narrow_by_time(const part_binding& binding, const int64_t* times,
                    uint32_t& begin, uint32_t& end) {
  for (const auto f : binding.time_filters) {
    const auto& filter = binding.filters[f];
    if (begin == end)
      return;
    if (times[begin] < filter.low())
      begin = static_cast<uint32_t>(
        std::lower_bound(times + begin, times + end, filter.low()) - times);
    if (begin != end && times[end - 1] > filter.high())
      end = static_cast<uint32_t>(
        std::upper_bound(times + begin, times + end, filter.high()) - times);
  }
}

error prepare(scan_setup& setup, uint32_t morsel_rows) {
  return preparation{setup, morsel_rows}.run();
}

} // namespace millrace::query
