// lint: allow(length): one way through a morsel, whose steps share vectors.
#include <millrace/query/execution/computed_values_internal.hpp>
#include <millrace/query/execution/picked_rows.hpp>
#include <millrace/query/execution/scan.hpp>
#include <millrace/query/execution/segment_filters_internal.hpp>

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

namespace millrace::query {

namespace {

/// One morsel's way through its units.
class scanner {
public:
  explicit scanner(const scan_setup& setup)
    : setup_{setup}, grouped_{setup.shape.plan.grouped()},
      columns_(setup.shape.plan.types.size()),
      computed_room_{setup.stop.memory},
      is_computed_(setup.shape.plan.types.size(), 0) {
    const auto& plan = setup.shape.plan;
    for (size_t i = 0; i < plan.computed.size(); ++i) {
      const auto column = setup.shape.computed[i];
      is_computed_[column] = 1;
      const bool filtered = std::any_of(
        plan.filters.begin(), plan.filters.end(),
        [&](const auto& each) { return each.column == plan.computed[i].name; });
      computed_.emplace_back(
        column, plan.types[column].type, plan.computed[i].value,
        expression_program{plan.computed[i].value, plan.types}, filtered);
    }
    // n first rows in stored order: a morsel never needs more than n.
    if (!grouped_ && plan.ordering.empty() && plan.sublist
        && *plan.sublist >= 0)
      rows_wanted_ = *plan.rows_wanted();
    if (setup.shape.keeps_top()) {
      order_.emplace(setup.shape);
      picked_max_ = std::max(picked_min, 2 * *plan.rows_wanted());
    }
    counts_only_
      = grouped_ && plan.keys.empty() && plan.computed.empty()
        && std::all_of(plan.aggregates.begin(), plan.aggregates.end(),
                       [](const aggregate& each) {
                         return each.function == aggregate_function::count;
                       });
  }

  morsel_output run(std::span<const scan_unit> units) {
    units_left_ = units.size();
    for (const auto& unit : units) {
      if (out_.fault || (out_.rows_matched >= rows_wanted_ && !grouped_))
        break;
      if ((out_.fault = enter(unit)))
        break;
      const auto scanned = out_.rows_scanned;
      switch (unit.how) {
        case scan_unit::kind::plain:
          scan_run(unit.begin, unit.end, filters_.all(), false, 0);
          break;
        case scan_unit::kind::ranges:
          scan_ranges(unit);
          break;
        case scan_unit::kind::index:
          scan_index();
          break;
      }
      out_.bytes_scanned
        += (out_.rows_scanned - scanned) * width_looked_at(unit.how);
      flush_rows();
      --units_left_;
    }
    leave_binding();
    // What was lost while it was looked at makes all of it worth nothing.
    for (const auto& held : held_)
      if (auto fault = held->fault())
        out_.fault = std::move(fault);
    return std::move(out_);
  }

private:
  error enter(const scan_unit& unit) {
    if (out_.chunks.empty() || out_.chunks.back().binding != unit.binding)
      enter_binding(unit.binding);
    segment_ = &setup_.segment_of(unit);
    filters_.choose(*binding_, *segment_);
    for (uint32_t i = 0; i < columns_.size(); ++i)
      columns_[i] = setup_.column_of(*binding_, *segment_, i);
    context_.source = unit.source;
    context_.columns = columns_;
    const auto& times = columns_[setup_.shape.order_column];
    context_.times = times.as<int64_t>();
    context_.order = segment_->order;
    context_.order_base = segment_->order_base;
    context_.part_order = setup_.parts[binding_->part].part_order;
    if (segment_->source)
      if (auto fault = read(unit))
        return fault;
    if (auto refused = make_room(unit))
      return refused;
    if (order_) {
      order_->look_at(context_);
      top_place_ = setup_.bound.get();
    }
    return {};
  }

  /// What is computed of the unit's rows stands where a stored column would.
  error make_room(const scan_unit& unit) {
    const bool keeps_all = !grouped_ || unit.how == scan_unit::kind::index;
    uint64_t width = 0;
    for (const auto& each : computed_)
      width += width_of(each.type);
    const auto rows = keeps_all ? unit.end - unit.begin : vector_rows;
    // What was taken for a longer unit is kept.
    if (const auto bytes = rows * width; bytes > computed_room_.held())
      if (auto refused = computed_room_.set(bytes))
        return refused;
    for (auto& each : computed_)
      columns_[each.column]
        = each.make_room(unit.begin, keeps_all ? unit.end : unit.begin);
    return {};
  }

  /// Computes columns for these rows: those that are filtered by, or the rest.
  void compute(bool filtered, uint32_t base, const uint16_t* rows,
               uint32_t count) {
    for (auto& each : computed_) {
      if (each.filtered != filtered)
        continue;
      columns_[each.column] = each.compute(columns_, base, rows, count);
      if (each.program.overflowed() && !out_.fault)
        out_.fault = expression_program::overflow_of(each.what);
    }
  }

  /// Brings in what the unit looks at.
  error read(const scan_unit& unit) {
    const auto& source = *segment_->source;
    for (uint32_t i = 0; i < columns_.size(); ++i) {
      const auto stored = binding_->columns[i];
      if (stored == part_binding::absent || !segment_->columns[stored].unread
          || !looks_at(i, unit.how))
        continue;
      auto values = source.read(stored, unit.begin, unit.end);
      if (!values)
        return values.failure();
      columns_[i].values = values->values;
      columns_[i].bytes = values->text;
      hold(*values);
      if (states_ && keeps_rows_of(i))
        out_.kept.push_back({unit.source, i, *std::move(values)});
    }
    context_.times = columns_[setup_.shape.order_column].template as<int64_t>();
    if (!setup_.orders_read)
      return {};
    auto orders = source.read_order(unit.begin, unit.end);
    if (!orders)
      return orders.failure();
    context_.order = reinterpret_cast<const uint32_t*>(orders->values);
    hold(*orders);
    return {};
  }

  /// Bytes of a row's values that are looked at.
  [[nodiscard]] uint64_t width_looked_at(scan_unit::kind how) const {
    uint64_t out = 0;
    for (uint32_t i = 0; i < columns_.size(); ++i)
      if (is_computed_[i] == 0 && is_there(i) && looks_at(i, how))
        out += width_of(columns_[i].type);
    return out;
  }

  [[nodiscard]] bool looks_at(uint32_t column, scan_unit::kind how) const {
    if (setup_.columns_read[column])
      return true;
    const auto names
      = [&](uint32_t f) { return binding_->filters[f].column() == column; };
    const auto any = [&](const std::vector<uint32_t>& filters) {
      return std::any_of(filters.begin(), filters.end(), names);
    };
    return any(binding_->other_filters) || any(binding_->time_filters)
           || (how != scan_unit::kind::ranges && any(binding_->symbol_filters));
  }

  [[nodiscard]] bool keeps_rows_of(uint32_t column) const {
    return std::any_of(
      states_->begin(), states_->end(), [&](const auto& state) {
        return state->keeps_rows() && state->inputs()[0] == column;
      });
  }

  void hold(const persistence::segment_values& values) {
    for (const auto& each : values.held)
      if (each && (held_.empty() || held_.back() != each))
        held_.push_back(each);
  }

  void enter_binding(uint32_t number) {
    leave_binding();
    binding_ = &setup_.bindings[number];
    auto& chunk = out_.chunks.emplace_back();
    chunk.binding = number;
    chunk.room = held_memory{setup_.stop.memory};
    if (grouped_) {
      chunk.groups = std::make_unique<group_assigner>(setup_.shape, *binding_);
      chunk.groups->expect(setup_.groups_found.load(std::memory_order_relaxed));
      chunk.states = setup_.shape.make_states();
      groups_ = chunk.groups.get();
      states_ = &chunk.states;
      sized_ = 0;
      taken_for_ = 0;
      return;
    }
    writers_.clear();
    for (const auto& column : setup_.shape.partial_columns())
      writers_.emplace_back(column.name, column.type);
  }

  /// Closes the rows of the current chunk.
  void leave_binding() {
    if (out_.chunks.empty())
      return;
    if (grouped_) {
      auto& groups = *out_.chunks.back().groups;
      setup_.groups_found.store(groups.index().size(),
                                std::memory_order_relaxed);
      if (auto fault = groups.overflow())
        out_.fault = std::move(fault);
      groups.done();
      auto& chunk = out_.chunks.back();
      if (auto refused = chunk.room.set(chunk.byte_count());
          refused && !out_.fault)
        out_.fault = std::move(refused);
      return;
    }
    auto& rows = out_.chunks.back().rows;
    if (!writers_.empty())
      rows.row_count = writers_.front().row_count();
    for (auto& writer : writers_) {
      auto column = writer.finish();
      if (!column) {
        out_.fault = column.failure();
        return;
      }
      rows.columns.push_back(std::move(*column));
    }
    writers_.clear();
  }

  void scan_ranges(const scan_unit& unit) {
    // Without its time column here, no time passes but by the filter itself.
    const bool timed
      = binding_->time_filters.empty() || is_there(binding_->sort_time);
    for (const auto& range : ranges_within(*segment_, unit.begin, unit.end)) {
      bool wanted = true;
      for (const auto f : binding_->symbol_filters)
        wanted &= binding_->filters[f].passes_code(range.code);
      if (!wanted)
        continue;
      auto begin = std::max(range.begin, unit.begin);
      auto end = std::min(range.end, unit.end);
      if (timed && !binding_->time_filters.empty())
        narrow_by_time(*binding_, columns_[binding_->sort_time].as<int64_t>(),
                       begin, end);
      scan_run(begin, end,
               timed ? binding_->other_filters : filters_.beside_index(), true,
               range.code);
    }
  }

  void scan_index() {
    std::vector<uint16_t> rows;
    const auto& filters = binding_->filters;
    const std::vector<uint32_t>* fewest = nullptr;
    for (const auto f : binding_->symbol_filters) {
      const auto* few = filters[f].few_codes();
      if (few && (!fewest || few->size() < fewest->size()))
        fewest = few;
    }
    MILLRACE_ASSERT(fewest != nullptr);
    size_t lists = 0;
    std::span<const uint16_t> found;
    for (const auto code : *fewest) {
      bool wanted = true;
      for (const auto f : binding_->symbol_filters)
        wanted &= filters[f].passes_code(code);
      if (!wanted)
        continue;
      found = segment_->index->rows(code, segment_->row_count);
      if (found.empty())
        continue;
      rows.insert(rows.end(), found.begin(), found.end());
      ++lists;
    }
    // Several symbols' rows in stored order again.
    if (lists > 1)
      marks_.put_in_order(rows);
    for (size_t start = 0; start < rows.size(); start += vector_rows)
      scan_vector(0, rows.data() + start,
                  static_cast<uint32_t>(
                    std::min<size_t>(vector_rows, rows.size() - start)),
                  filters_.beside_index(), false);
  }

  /// Whether the segment has values of the plan's column, read or not.
  [[nodiscard]] bool is_there(uint32_t column) const {
    const auto stored = binding_->columns[column];
    return stored != part_binding::absent && stored < segment_->columns.size()
           && segment_->columns[stored].has_values();
  }

  /// Contiguous rows; `sorted`: of one symbol `code`, by time.
  void scan_run(uint32_t begin, uint32_t end,
                const std::vector<uint32_t>& filters, bool sorted,
                uint32_t code) {
    if (begin >= end)
      return;
    if (filters.empty() && run_whole(begin, end, sorted, code))
      return;
    for (auto base = begin; base < end;) {
      const auto count = std::min(end - base, vector_rows);
      scan_vector(base, nullptr, count, filters, sorted);
      base += count;
    }
  }

  /// Rows that all pass and fall into whole groups: no vector at a time.
  bool run_whole(uint32_t begin, uint32_t end, bool sorted, uint32_t code) {
    const bool one_group = setup_.shape.keys.empty();
    const bool timed = binding_->sort_time == part_binding::absent
                       || is_there(binding_->sort_time);
    if (grouped_ ? !one_group && !(sorted && timed && groups_->groups_runs())
                 : order_ || !computed_.empty())
      return false;
    if (halted())
      return true;
    if (!grouped_) {
      out_.rows_scanned += end - begin;
      out_.rows_matched += end - begin;
      picked_.add_range(begin, end);
      return true;
    }
    // What is computed is folded while it is at hand.
    const auto step = computed_.empty() ? end - begin : vector_rows;
    for (auto base = begin; base < end && !halted();) {
      const auto count = std::min(end - base, step);
      compute(true, base, nullptr, count);
      compute(false, base, nullptr, count);
      fold_runs(base, base + count, one_group, sorted, code);
      base += count;
    }
    return true;
  }

  void fold_runs(uint32_t begin, uint32_t end, bool one_group, bool sorted,
                 uint32_t code) {
    out_.rows_scanned += end - begin;
    out_.rows_matched += end - begin;
    for (auto row = begin; row < end;) {
      const auto [run_end, group]
        = one_group ? std::pair{end, groups_->index().find_or_add(nullptr)}
                    : groups_->next_run(context_, code, row, end);
      if (!size_states())
        return;
      row_batch batch{row, run_end - row, nullptr, nullptr, group, sorted};
      for (auto& state : *states_)
        state->update(batch, context_);
      row = run_end;
    }
  }

  void scan_vector(uint32_t base, const uint16_t* rows, uint32_t count,
                   const std::vector<uint32_t>& filters, bool sorted) {
    if (halted())
      return;
    out_.rows_scanned += count;
    if (!filters.empty() && !pass(filters, false, base, rows, count, selected_))
      return;
    if (!computed_.empty()) {
      compute(true, base, rows, count);
      if (!filters.empty()
          && !pass(filters, true, base, rows, count, selected_late_))
        return;
      compute(false, base, rows, count);
    }
    out_.rows_matched += count;
    if (!grouped_)
      return pick(base, rows, count);
    row_batch batch{base, count, rows, nullptr, 0, sorted};
    if (setup_.shape.keys.empty()) {
      batch.group = groups_->index().find_or_add(nullptr);
    } else {
      groups_->assign(context_, base, rows, count, group_numbers_);
      batch.groups = group_numbers_;
    }
    if (!size_states())
      return;
    for (auto& state : *states_)
      state->update(batch, context_);
  }

  void pick(uint32_t base, const uint16_t* rows, uint32_t count) {
    if (!order_)
      return picked_.add(base, rows, count);
    order_->pick(base, rows, count, top_place_.get(), picked_.list());
    if (picked_.size() > picked_max_)
      keep_top();
  }

  /// Leaves of the rows those that pass the filters on computed columns, or
  /// those on all others. @returns false when none does.
  bool pass(const std::vector<uint32_t>& filters, bool computed, uint32_t base,
            const uint16_t*& rows, uint32_t& count, uint16_t* selected) {
    if (!rows)
      if (const auto kept = pass_bits(filters, computed, base, count))
        return narrow_to(*kept, rows, count, selected);
    std::fill_n(mask_, count, uint8_t{1});
    bool any = false;
    for (size_t i = 0; i < filters.size(); ++i) {
      if (i % filters_between_looks == 0 && i > 0 && halted())
        return false;
      const auto& filter = binding_->filters[filters[i]];
      if ((is_computed_[filter.column()] != 0) != computed)
        continue;
      any = true;
      filter.apply(columns_[filter.column()], base, rows, count, mask_);
    }
    if (!any)
      return true;
    const auto passed = select(mask_, count, selected);
    if (passed < count) {
      if (rows)
        for (uint32_t i = 0; i < passed; ++i)
          selected[i] = rows[selected[i]];
      rows = selected;
      count = passed;
    }
    return passed > 0;
  }

  /// The same as bits, of rows that follow each other. @returns how many pass;
  /// none when a filter is no plain range.
  std::optional<uint32_t> pass_bits(const std::vector<uint32_t>& filters,
                                    bool computed, uint32_t base,
                                    uint32_t count) {
    if (filters.size() > filters_between_looks)
      return std::nullopt;
    const auto words = (count + 63) / 64;
    std::fill_n(bits_, words, ~uint64_t{0});
    if (count % 64 != 0)
      bits_[words - 1] = (uint64_t{1} << count % 64) - 1;
    for (const auto f : filters) {
      const auto& filter = binding_->filters[f];
      if ((is_computed_[filter.column()] != 0) == computed
          && !filter.apply_bits(columns_[filter.column()], base, count, bits_))
        return std::nullopt;
    }
    uint32_t passed = 0;
    for (uint32_t i = 0; i < words; ++i)
      passed += static_cast<uint32_t>(std::popcount(bits_[i]));
    return passed;
  }

  /// To the rows whose bits are there, of which there are `passed`.
  bool narrow_to(uint32_t passed, const uint16_t*& rows, uint32_t& count,
                 uint16_t* selected) {
    if (passed < count && passed > 0 && !counts_only_) {
      (void)select_bits(bits_, count, selected);
      rows = selected;
    }
    count = passed;
    return passed > 0;
  }

  /// Looked at once per vector, and in between when filters are many.
  bool halted() {
    if (!out_.fault && setup_.stop.stopped())
      out_.fault = setup_.stop.fault("in a morsel");
    return static_cast<bool>(out_.fault);
  }

  /// @returns false when there is no memory for so many groups.
  bool size_states() {
    if (sized_ == groups_->index().size())
      return true;
    sized_ = groups_->index().size();
    // For twice as many at once: what they are kept in grows like that.
    if (setup_.stop.memory && sized_ > taken_for_) {
      auto& chunk = out_.chunks.back();
      auto refused = chunk.room.set(2 * chunk.byte_count());
      if (refused) {
        out_.fault = std::move(refused);
        return false;
      }
      taken_for_ = 2 * sized_;
    }
    for (auto& state : *states_)
      state->resize(sized_);
    return true;
  }

  /// Takes memory for so many rows more of what is written.
  /// @returns false when there is none
  bool take_room(size_t rows) {
    if (!setup_.stop.memory)
      return true;
    uint64_t bytes = picked_.size() * sizeof(uint32_t);
    for (const auto& writer : writers_)
      bytes += writer.byte_count_with(rows);
    auto refused = out_.chunks.back().room.set(bytes);
    if (!refused)
      return true;
    out_.fault = std::move(refused);
    return false;
  }

  /// Leaves of the picked rows those that can be among the first ones of the
  /// order: no more than are asked for.
  void keep_top() {
    const auto wanted = *setup_.shape.plan.rows_wanted();
    auto& picked = picked_.list();
    if (top_place_)
      order_->drop_beyond(*top_place_, picked);
    order_->keep_first(wanted, picked);
    if (!picked.empty() && picked.size() == wanted)
      setup_.bound.lower(*order_, order_->place_of(order_->last_of(picked)));
    top_place_ = setup_.bound.get();
    std::sort(picked.begin(), picked.end());
  }

  /// Writes the picked rows of the current segment, some at a time: a cell may
  /// be large.
  void flush_rows() {
    if (order_)
      keep_top();
    out_.rows_kept += picked_.size();
    // The morsel's other units are much like this one.
    if (!writers_.empty() && writers_.front().row_count() == 0
        && !picked_.empty()) {
      if (!take_room(picked_.size() * units_left_))
        return picked_.clear();
      for (auto& writer : writers_)
        writer.reserve(picked_.size() * units_left_);
    }
    for (size_t start = 0; start < picked_.size() && !halted();
         start += vector_rows) {
      const auto rows = picked_.from(start, vector_rows);
      if (!take_room(rows.count))
        break;
      write_rows(rows);
    }
    picked_.clear();
  }

  void write_rows(const picked_rows::piece& rows) {
    const auto& shape = setup_.shape;
    size_t writer = 0;
    auto write = [&](uint32_t column) {
      const auto& from = columns_[column];
      auto& to = writers_[writer++];
      if (!rows.rows)
        to.append_range(from, from.dictionary, rows.first,
                        rows.first + rows.count);
      else
        to.append(from, from.dictionary, rows.rows, rows.count);
    };
    for (const auto column : shape.outputs)
      write(column);
    if (shape.plan.ordering.empty())
      return;
    if (shape.symbol_column)
      write(*shape.symbol_column);
    write(shape.order_column);
    orders_.clear();
    for (size_t i = 0; i < rows.count; ++i)
      orders_.push_back(context_.order_of(rows.row(i)));
    column_ref orders;
    orders.values = reinterpret_cast<const std::byte*>(orders_.data());
    writers_[writer].append_range(orders, nullptr, 0, orders_.size());
  }

  static constexpr size_t filters_between_looks = 64;
  static constexpr uint64_t picked_min = 4096;

  const scan_setup& setup_;
  const bool grouped_;
  uint64_t rows_wanted_ = ~uint64_t{0};
  morsel_output out_;
  const part_binding* binding_ = nullptr;
  const persistence::segment_view* segment_ = nullptr;
  std::vector<column_ref> columns_;
  segment_context context_;
  segment_filters filters_;
  group_assigner* groups_ = nullptr;
  state_list* states_ = nullptr;
  uint32_t sized_ = 0;
  uint32_t taken_for_ = 0; ///< Groups that memory was taken for.
  std::vector<column_writer> writers_;
  picked_rows picked_;
  size_t units_left_ = 0; ///< Of the morsel, from the current one on.
  std::vector<uint64_t> orders_;
  std::optional<row_order> order_; ///< Of an ordering with a limit.
  /// What is beyond it is not picked; null: there is none yet.
  std::shared_ptr<const order_place> top_place_;
  uint64_t picked_max_ = 0;  ///< Rows that are picked before some are left.
  bool counts_only_ = false; ///< How many rows pass is all that is asked.
  uint64_t bits_[vector_rows / 64];
  row_marks marks_;
  /// What the columns point to.
  std::vector<std::shared_ptr<const persistence::held_bytes>> held_;
  uint8_t mask_[vector_rows];
  uint16_t selected_[vector_rows];
  uint16_t selected_late_[vector_rows];
  std::vector<computed_values> computed_;
  held_memory computed_room_;        ///< For their values.
  std::vector<uint8_t> is_computed_; ///< By column of the plan.
  uint32_t group_numbers_[vector_rows];
};

} // namespace

size_t morsel_chunk::byte_count() const noexcept {
  size_t total = rows.byte_count();
  if (groups)
    total += groups->byte_count();
  for (const auto& state : states)
    total += state->byte_count();
  return total;
}

morsel_output scan(const scan_setup& setup, std::span<const scan_unit> units) {
  return scanner{setup}.run(units);
}

} // namespace millrace::query
