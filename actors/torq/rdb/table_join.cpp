#include <millrace/actors/torq/rdb/table_join.hpp>

#include <algorithm>

namespace millrace::torq {

table_standing standing_of(const persistence::hdb_manifest& manifest,
                           const std::string& stream,
                           const std::vector<table_schema>& held,
                           const std::string& table) {
  const auto cutovers = manifest.cutovers();
  const auto cutover_of = [&](const std::string& of) {
    const auto found = cutovers.find({stream, of});
    return found == cutovers.end() ? position{} : found->second;
  };
  table_standing out;
  out.cutover = cutover_of(table);
  std::optional<position> least;
  std::string slowest;
  for (const auto& each : held)
    if (const auto at = cutover_of(each.name); !least || at < *least) {
      least = at;
      slowest = each.name;
    }
  if (!least || *least <= out.cutover)
    return out;
  out.behind = empty_range{0, out.cutover, *least};
  for (const auto& part : manifest.parts)
    if (part.stream == stream && part.table == slowest && part.to == *least)
      out.behind->period = part.period;
  return out;
}

void undeclared_batches::met(std::string_view table, position end) {
  const auto found = by_table_.find(table);
  if (found != by_table_.end())
    found->second = end;
  else if (by_table_.size() < names_max)
    by_table_.emplace(table, end);
  else
    others_ = end;
}

position undeclared_batches::last(std::string_view table) const {
  const auto found = by_table_.find(table);
  return found == by_table_.end() ? others_ : found->second;
}

} // namespace millrace::torq
