#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/exchange/exporter.hpp>

namespace millrace::persistence {

result<export_plan> plan_export(const hdb_snapshot& snapshot,
                                const export_choice& choice) {
  std::set<std::string> known;
  for (const auto& schema : snapshot.manifest().schemas)
    known.insert(schema.name);
  for (const auto& table : choice.tables)
    if (!known.contains(table))
      return error{errc::not_found, snapshot.manifest().no_table(table)};
  export_plan out;
  for (const auto& table : choice.tables.empty() ? known : choice.tables)
    for (const auto* part : snapshot.parts(table)) {
      const auto date = text::parse_date(part->partition);
      if (!date)
        return error{errc::unsupported, part->path() + ": partition '"
                                          + part->partition + "' is no date"};
      if ((!choice.from || *date >= *choice.from)
          && (!choice.to || *date <= *choice.to))
        out[table][*date].push_back(part);
    }
  if (out.empty())
    return error{errc::not_found, "no rows of these tables and dates"};
  return out;
}

error check_export(const table_schema& schema) {
  if (schema.column_index("date"))
    return {errc::unsupported,
            "table '" + schema.name
              + "' has a column 'date', which readers take from the name of "
                "the directory"};
  return {};
}

} // namespace millrace::persistence
