#include <millrace/actors/torq/hdb/partition_losses.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <algorithm>
#include <optional>

namespace millrace::torq {

namespace {

/// The times that a plan asks for.
class asked_times {
public:
  asked_times(const query::logical_plan& plan, const table_schema* table)
    : conditions_{plan} {
    if (table && plan.time_column == table->time_column
        && plan.type_of(plan.time_column) == column_type::timestamp)
      table_ = table;
  }

  /// What cannot be told is met.
  [[nodiscard]] bool meet(const persistence::hdb_manifest& manifest,
                          const persistence::hdb_part& part) {
    if (!table_)
      return true;
    const auto date = text::parse_date(part.partition);
    if (!date || is_asked(part.period) || is_asked(*date))
      return true;
    const auto* written = manifest.schema(part.table, part.schema_version);
    const auto column
      = written ? written->column_index(table_->time_column) : std::nullopt;
    if (part.row_count == 0 || !column || part.zones[*column].empty)
      return false;
    return conditions_.may_pass(
      query::whole_bounds{part.zones[*column].low, part.zones[*column].high});
  }

  /// The same of what came before all that is here, of any date up to the
  /// part's period. @pre they do not meet the part
  [[nodiscard]] bool meet_before(const persistence::hdb_part& part) {
    const auto times = query::times_of_date(
      table_->roll_zone, table_->roll_offset_ns, part.period, 0);
    query::whole_bounds before;
    if (times)
      before.high = times->high;
    return conditions_.may_pass(before);
  }

private:
  /// What was lost may have come a day early, or late.
  bool is_asked(int64_t date) {
    const auto times = query::times_of_date(table_->roll_zone,
                                            table_->roll_offset_ns, date, 1);
    return !times || conditions_.may_pass(*times);
  }

  query::zone_conditions conditions_;
  const table_schema* table_ = nullptr; ///< None: its dates are not known.
};

/// What a database that is begun anew lacks of the one before, or of an earlier
/// life of its stream: it does not know of which dates.
bool is_of_before(const persistence::hdb_loss& loss) {
  // As `rdb_state::add_loss` has them; what a stream tells of is a record long.
  return loss.from == position{} && loss.to == position{1};
}

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
        || std::none_of(losses.begin(), losses.end(), [&](const auto* loss) {
             return loss->touches(part.from, part.to);
           }))
      continue;
    const bool is_asked = times.meet(manifest, part);
    for (size_t i = 0; i < losses.size(); ++i)
      if (!met[i] && losses[i]->touches(part.from, part.to))
        met[i]
          = is_asked || (is_of_before(*losses[i]) && times.meet_before(part));
  }
  std::vector<persistence::hdb_loss> among;
  for (size_t i = 0; i < losses.size(); ++i)
    if (met[i])
      among.push_back(*losses[i]);
  return persistence::lines_of(among);
}

} // namespace millrace::torq
