#include <millrace/actors/torq/hdb/partition_losses.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/roll_calendar.hpp>

#include <algorithm>
#include <optional>

namespace millrace::torq {

namespace {

/// The times that a plan asks for, and the table's dates that they are of.
class asked_times {
public:
  asked_times(const query::logical_plan& plan, const table_schema* table) {
    if (!table || !plan.range || plan.time_column != table->time_column)
      return;
    column_ = table->time_column;
    range_ = plan.range;
    if (plan.type_of(plan.time_column) != column_type::timestamp)
      return;
    if (auto calendar
        = text::roll_calendar::open(table->roll_zone, table->roll_offset_ns))
      dates_
        = {calendar->date_of(range_->first), calendar->date_of(range_->second)};
  }

  /// What cannot be told is met.
  [[nodiscard]] bool meet(const persistence::hdb_manifest& manifest,
                          const persistence::hdb_part& part) const {
    if (!dates_)
      return true;
    // What was lost may have come a day early, or late.
    const auto is_asked = [&](int64_t date) {
      return dates_->first - 1 <= date && date <= dates_->second + 1;
    };
    const auto date = text::parse_date(part.partition);
    if (is_asked(part.period) || !date || is_asked(*date))
      return true;
    const auto* written = manifest.schema(part.table, part.schema_version);
    const auto column = written ? written->column_index(column_) : std::nullopt;
    if (part.row_count == 0 || !column)
      return false;
    const auto& zone = part.zones[*column];
    return !zone.empty && zone.low <= range_->second
           && range_->first <= zone.high;
  }

private:
  std::string column_;
  std::optional<std::pair<int64_t, int64_t>> range_;
  std::optional<std::pair<int64_t, int64_t>> dates_; ///< None: not known.
};

} // namespace

std::vector<std::string> losses_among(const persistence::hdb_manifest& manifest,
                                      const query::logical_plan& plan,
                                      const std::string& stream,
                                      const table_schema* table) {
  std::vector<const persistence::hdb_loss*> losses;
  for (const auto& loss : manifest.losses)
    if (loss.stream == stream
        && (loss.table.empty() || loss.table == plan.table))
      losses.push_back(&loss);
  if (losses.empty())
    return {};
  asked_times times{plan, table};
  std::vector<bool> met(losses.size());
  for (const auto& part : manifest.parts) {
    if (part.stream != stream || part.table != plan.table
        || std::none_of(
          losses.begin(), losses.end(),
          [&](const auto* loss) { return loss->touches(part.from, part.to); })
        || !times.meet(manifest, part))
      continue;
    for (size_t i = 0; i < losses.size(); ++i)
      if (losses[i]->touches(part.from, part.to))
        met[i] = true;
  }
  std::vector<persistence::hdb_loss> among;
  for (size_t i = 0; i < losses.size(); ++i)
    if (met[i])
      among.push_back(*losses[i]);
  return persistence::lines_of(among);
}

} // namespace millrace::torq
