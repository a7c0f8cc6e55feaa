#include <millrace/actors/torq/registry/rdb_declarations.hpp>
#include <millrace/persistence/columns/column_values.hpp>

namespace millrace::torq {

error misfit(const table_schema& mine, const text::json_value& theirs) {
  for (const auto& column : mine.columns) {
    const auto* name = theirs.at("columns").at(column.name).text();
    const auto there = name ? column_type_of(*name) : std::nullopt;
    if (!there)
      return {errc::config, "column '" + column.name + "' is not in it there"};
    if (!persistence::widens(column.type, *there))
      return {errc::config, "column '" + column.name + "' is "
                              + std::string{to_string(column.type)}
                              + " here, and " + std::string{to_string(*there)}
                              + " there"};
  }
  return {};
}

void rdb_declarations::know(const std::vector<process_row>& rows) {
  ++known_;
  std::map<std::string, process_row> told;
  for (const auto& row : rows)
    if (row.type == "rdb")
      told[row.name] = row;
  if (asked_anew_ && (rows.empty() || !told.empty())) {
    asked_anew_ = false;
    rdbs_.clear();
  }
  for (auto& [name, row] : told)
    rdbs_[name] = std::move(row);
}

error rdb_declarations::refusal(const table_schema& mine,
                                const std::string& stream,
                                const std::set<std::string>& holders) const {
  for (const auto& [name, row] : rdbs_) {
    const auto& declares = row.attributes.at("declares");
    if (!row.available || !declares.is_object()
        || row.attributes.at("stream").text_or_empty() != stream)
      continue;
    const auto& theirs = declares.at(mine.name);
    if (!theirs.is_object() && holders.contains(name))
      return {errc::config,
              "table '" + mine.name + "': " + name + " on node " + row.node
                + " was started without it, and would take none of these rows: "
                  "'millrace table add' brings it to the nodes that run, or "
                  "restart that node with the configuration of this port"};
    if (!theirs.is_object())
      continue;
    if (const auto why = misfit(mine, theirs))
      return {errc::config,
              "table '" + mine.name + "': " + name + " on node " + row.node
                + " was started with another declaration of it, and would take "
                  "none of these rows: "
                + why.context
                + "; restart that node, or the one of this port, so that both "
                  "have one configuration"};
  }
  return {};
}

} // namespace millrace::torq
