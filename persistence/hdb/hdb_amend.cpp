#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/hdb/hdb_amend.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>

namespace millrace::persistence {

namespace {

constexpr uint32_t batch_rows = 64 * 1024;

bool is_finite(int64_t time) noexcept {
  return time != null_long && time != inf_long && time != -inf_long;
}

/// All rows of a part, in place.
class read_part {
public:
  [[nodiscard]] static result<read_part> open(const table_view& view) {
    read_part out;
    out.view_ = view;
    const auto& segment = view.segments.front();
    std::vector<uint32_t> all(view.schema->columns.size());
    for (uint32_t i = 0; i < all.size(); ++i)
      all[i] = i;
    auto opened = segment.source->open(all, false, out.keep_);
    if (!opened)
      return opened.failure();
    out.columns_.assign(opened->columns.begin(), opened->columns.end());
    for (uint32_t i = 0; i < all.size(); ++i) {
      if (!out.columns_[i].unread)
        continue;
      auto values = segment.source->read(i, 0, segment.row_count);
      if (!values)
        return values.failure();
      out.columns_[i].values = values->values;
      out.columns_[i].text = values->text;
      out.values_.push_back(*std::move(values));
    }
    auto order = segment.source->read_order(0, segment.row_count);
    if (!order)
      return order.failure();
    out.order_ = reinterpret_cast<const uint32_t*>(order->values);
    out.values_.push_back(*std::move(order));
    return out;
  }

  [[nodiscard]] uint32_t row_count() const noexcept {
    return view_.segments.front().row_count;
  }
  [[nodiscard]] uint32_t order_of(uint32_t row) const noexcept {
    return order_[row];
  }
  [[nodiscard]] int64_t time_of(uint32_t row, size_t column) const noexcept {
    const auto& times = columns_[column];
    return times.values ? times.as<int64_t>()[row] : null_long;
  }

  /// Appends a row's value of a column.
  void append(batch_builder& to, uint32_t row, uint32_t column) const {
    const auto& from = columns_[column];
    if (!from.values)
      return to.append_null(column);
    if (from.type == column_type::symbol)
      return to.append_symbol(column,
                              from.dictionary->text(from.as<uint32_t>()[row]));
    if (from.type == column_type::string) {
      const auto* ends = from.as<uint32_t>();
      const auto begin = row == 0 ? 0 : ends[row - 1];
      return to.append_string(column, {from.text + begin, ends[row] - begin});
    }
    const auto width = width_of(from.type);
    const auto* bytes = from.values + row * width;
    auto& values = to.values(column);
    values.insert(values.end(), bytes, bytes + width);
  }

  /// What became of the bytes while they were looked at.
  [[nodiscard]] error fault() const {
    if (auto lost = keep_->fault())
      return lost;
    for (const auto& each : values_)
      for (const auto& held : each.held)
        if (held)
          if (auto lost = held->fault())
            return lost;
    return {};
  }

private:
  table_view view_;
  std::shared_ptr<const held_bytes> keep_;
  std::vector<column_view> columns_;
  std::vector<segment_values> values_;
  const uint32_t* order_ = nullptr;
};

/// What becomes of a range, or of several.
struct amended_range {
  uint64_t removed = 0;
  uint64_t changed = 0;
  uint64_t moved = 0;
  std::map<std::string, uint64_t> touched; ///< Rows, by partition.
  std::optional<int64_t> undated;          ///< Where rows without a time lie.
  /// Of the rows as they are to be: their stream orders.
  std::vector<uint32_t> orders;
};

/// A part of a range, and what is to become of its rows.
struct touched_part {
  const hdb_part* part = nullptr;
  table_view view;
  std::vector<uint32_t> chosen;
};

class amend_run {
public:
  amend_run(hdb_writer& writer, const hdb_amendment& what,
            const amend_course& how)
    : writer_{writer}, what_{what}, how_{how} {}

  amend_report all() {
    report_.fault = begin();
    size_t done = 0;
    for (const auto& parts : ranges_) {
      if (report_.fault)
        break;
      report_.fault = look_at(parts);
      if (how_.progress)
        how_.progress(++done, ranges_.size());
    }
    // Half of it is never seen: what was written goes with the next writer.
    if (report_.fault)
      report_.fault.context += "; nothing is changed";
    else
      report_.fault = land();
    return std::move(report_);
  }

private:
  using range = std::vector<const hdb_part*>;

  error begin() {
    auto store = hdb_store::open(*writer_.world().fs, writer_.directory());
    if (!store)
      return store.failure();
    snapshot_ = (*store)->snapshot();
    schema_ = snapshot_->schema(what_.table);
    if (!schema_)
      return {errc::not_found, writer_.directory() + ": "
                                 + snapshot_->manifest().no_table(what_.table)};
    take_rule();
    time_column_ = *schema_->column_index(schema_->time_column);
    auto dates = part_dates::open(snapshot_->manifest(), *schema_);
    if (!dates)
      return dates.failure();
    dates_.emplace(*std::move(dates));
    auto calendar
      = text::roll_calendar::open(schema_->roll_zone, schema_->roll_offset_ns);
    if (!calendar)
      return calendar.failure();
    calendar_.emplace(*calendar);
    std::map<std::tuple<std::string, position, position>, range> found;
    for (const auto* part : snapshot_->parts(what_.table))
      found[{part->stream, part->from, part->to}].push_back(part);
    for (auto& [key, parts] : found)
      ranges_.push_back(std::move(parts));
    return {};
  }

  /// Rows that are written are so by the rule of today.
  void take_rule() {
    if (!what_.rule
        || (what_.rule->zone == schema_->roll_zone
            && what_.rule->offset_ns == schema_->roll_offset_ns))
      return;
    auto next = *schema_;
    ++next.version;
    next.roll_zone = what_.rule->zone;
    next.roll_offset_ns = what_.rule->offset_ns;
    schema_ = std::make_shared<const table_schema>(std::move(next));
  }

  error look_at(const range& parts) {
    std::vector<touched_part> touched;
    std::set<std::string> partitions;
    bool all_home = true;
    for (const auto* part : parts) {
      touched_part each{part, snapshot_->view(*part), {}};
      if (what_.choose) {
        auto chosen = what_.choose(each.view);
        if (!chosen)
          return chosen.failure();
        each.chosen = *std::move(chosen);
      }
      const bool is_home = dates_->is_home(*part);
      all_home = all_home && is_home;
      if (!each.chosen.empty() || !is_home)
        partitions.insert(part->partition);
      touched.push_back(std::move(each));
    }
    if (partitions.empty())
      return {};
    if (!all_home || sets_time())
      return rewrite(touched, {});
    std::erase_if(touched, [&](const touched_part& each) {
      return !partitions.contains(each.part->partition);
    });
    return rewrite(touched, partitions);
  }

  /// Rows may go to other dates.
  [[nodiscard]] bool sets_time() const {
    return std::any_of(
      what_.values.begin(), what_.values.end(),
      [&](const amended_value& each) { return each.column == time_column_; });
  }

  /// @param partitions whose parts of the range these are; none: all
  error rewrite(const std::vector<touched_part>& parts,
                std::set<std::string> partitions) {
    amended_range here;
    memory_store store;
    if (auto fault = store.declare(*schema_))
      return fault;
    position end;
    if (auto fault = gather(parts, store, end, here))
      return fault;
    if (how_.applies)
      if (auto fault
          = write(*parts.front().part, store, here, std::move(partitions)))
        return fault;
    ++written_;
    written_sum_.removed += here.removed;
    written_sum_.changed += here.changed;
    written_sum_.moved += here.moved;
    for (const auto& [partition, rows] : here.touched)
      written_sum_.touched[partition] += rows;
    return {};
  }

  /// What was written takes its places; it is told of from then on.
  error land() {
    if (!waiting_.empty()) {
      const auto& world = writer_.world();
      world.crash_point("rdb.before_manifest");
      if (auto fault = writer_.replace(std::exchange(waiting_, {})))
        return fault;
      world.crash_point("rdb.after_manifest");
    }
    report_.ranges += std::exchange(written_, 0);
    const auto sum = std::exchange(written_sum_, {});
    report_.rows_removed += sum.removed;
    report_.rows_changed += sum.changed;
    report_.rows_moved += sum.moved;
    for (const auto& [partition, rows] : sum.touched)
      report_.partitions.insert(partition);
    return {};
  }

  /// The rows as they are to be, in stream order.
  error gather(const std::vector<touched_part>& parts, memory_store& store,
               position& end, amended_range& here) {
    struct place {
      uint32_t order;
      uint32_t part;
      uint32_t row;
      bool chosen;
    };
    std::vector<read_part> bytes;
    std::vector<std::optional<int32_t>> dates;
    std::vector<place> places;
    for (uint32_t p = 0; p < parts.size(); ++p) {
      auto opened = read_part::open(parts[p].view);
      if (!opened)
        return opened.failure();
      const auto& chosen = parts[p].chosen;
      auto next = chosen.begin();
      for (uint32_t row = 0; row < opened->row_count(); ++row) {
        const bool is_chosen = next != chosen.end() && *next == row;
        next += is_chosen ? 1 : 0;
        if (!is_chosen || !what_.removes)
          places.push_back({opened->order_of(row), p, row, is_chosen});
      }
      (what_.removes ? here.removed : here.changed) += chosen.size();
      if (!chosen.empty())
        here.touched[parts[p].part->partition] += chosen.size();
      const auto date = text::parse_date(parts[p].part->partition);
      dates.push_back(date ? std::optional{*date} : std::nullopt);
      bytes.push_back(*std::move(opened));
    }
    std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
      return std::tie(a.order, a.part, a.row)
             < std::tie(b.order, b.part, b.row);
    });
    for (const auto& at : places)
      here.orders.push_back(at.order);
    batch_builder batch{*schema_};
    for (const auto& at : places) {
      const auto time = append(batch, bytes[at.part], at.row, at.chosen);
      const auto& date = dates[at.part];
      if (!is_finite(time))
        here.undated = date;
      else if (const auto own = calendar_->date_of(time); date != own) {
        ++here.moved;
        ++here.touched[date_partition_name(own)];
        // One that is changed was counted.
        if (!at.chosen)
          ++here.touched[parts[at.part].part->partition];
      }
      if (batch.row_count() == batch_rows)
        if (auto fault = flush(batch, store, end))
          return fault;
    }
    if (auto fault = flush(batch, store, end))
      return fault;
    for (const auto& each : bytes)
      if (auto fault = each.fault())
        return fault;
    return {};
  }

  /// @returns the row's time
  int64_t append(batch_builder& to, const read_part& from, uint32_t row,
                 bool chosen) {
    auto time = from.time_of(row, time_column_);
    const auto amended = [&](size_t column) -> const amended_value* {
      for (const auto& each : what_.values)
        if (each.column == column)
          return &each;
      return nullptr;
    };
    for (uint32_t c = 0; c < schema_->columns.size(); ++c) {
      const auto* value = chosen ? amended(c) : nullptr;
      if (!value) {
        from.append(to, row, c);
        continue;
      }
      const auto type = schema_->columns[c].type;
      if (type == column_type::symbol) {
        to.append_symbol(c, value->bytes);
      } else if (type == column_type::string) {
        to.append_string(c, value->bytes);
      } else {
        const auto bytes = std::as_bytes(std::span{value->bytes});
        to.values(c).insert(to.values(c).end(), bytes.begin(), bytes.end());
        if (c == time_column_)
          std::memcpy(&time, value->bytes.data(), sizeof time);
      }
    }
    to.end_row();
    return time;
  }

  static error flush(batch_builder& batch, memory_store& store, position& end) {
    if (batch.row_count() != 0) {
      const auto bytes = batch.encode();
      const auto rows = decode_batch(bytes);
      if (!rows)
        return rows.failure();
      end.value += 8;
      if (auto fault = store.append(*rows, end))
        return fault;
      batch.clear();
    }
    store.publish(end);
    return {};
  }

  error write(const hdb_part& of, const memory_store& store,
              const amended_range& here, std::set<std::string> partitions) {
    auto view = store.snapshot()->view(what_.table);
    if (!view)
      return view.failure();
    // They stay comparable with those of the parts that stay.
    for (auto& segment : view->segments)
      segment.order = here.orders.data() + segment.order_base;
    period_request request;
    request.stream = of.stream;
    request.period = of.period;
    request.from = of.from;
    request.to = of.to;
    request.tables.push_back(*std::move(view));
    request.undated = here.undated;
    const auto text = what_.text + ", of '" + of.stream + "' ("
                      + to_string(of.from) + ", " + to_string(of.to) + "]";
    const auto now = writer_.world().clock->now_ns();
    request.amends = true;
    std::vector<hdb_ledger_entry> entries;
    for (const auto& [partition, rows] : here.touched)
      entries.push_back({0, now, what_.table, partition, rows, text});
    auto write = period_write::begin(writer_, std::move(request));
    if (!write)
      return write.failure();
    auto written = files_of(**write);
    if (!written) {
      (*write)->abandon();
      return written.failure();
    }
    waiting_.push_back({std::move(written->parts),
                        std::move(written->schemas.front()), std::move(entries),
                        std::move(partitions)});
    return {};
  }

  /// Nobody sees them yet.
  result<written_parts> files_of(period_write& write) {
    for (auto jobs = write.next_stage(); !jobs.empty();
         jobs = write.next_stage())
      if (auto fault = how_.run(std::move(jobs)))
        return fault;
    auto written = write.finish();
    writer_.world().crash_point("rdb.after_flush");
    return written;
  }

  hdb_writer& writer_;
  const hdb_amendment& what_;
  const amend_course& how_;
  std::shared_ptr<const hdb_snapshot> snapshot_;
  std::shared_ptr<const table_schema> schema_;
  size_t time_column_ = 0;
  std::optional<text::roll_calendar> calendar_;
  std::optional<part_dates> dates_;
  std::vector<range> ranges_;
  std::vector<replaced_range> waiting_; ///< Written, and seen by nobody.
  uint64_t written_ = 0;                ///< Ranges that are not told of yet.
  amended_range written_sum_;           ///< Of them.
  amend_report report_;
};

} // namespace

amend_report amend(hdb_writer& writer, const hdb_amendment& what,
                   const amend_course& how) {
  return amend_run{writer, what, how}.all();
}

} // namespace millrace::persistence
