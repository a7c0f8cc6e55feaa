#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>

namespace millrace::persistence {

namespace {

/// No stream of a configuration is named so.
constexpr std::string_view ledger_prefix = "/ledger/";

} // namespace

bool is_ledger_entry(const hdb_part& part) noexcept {
  return part.stream.starts_with(ledger_prefix);
}

hdb_part part_of(const hdb_ledger_entry& entry, const hdb_manifest& manifest) {
  const auto* schema = manifest.newest_schema(entry.table);
  MILLRACE_ASSERT(schema != nullptr);
  hdb_part out;
  out.stream = std::string{ledger_prefix} + entry.text;
  out.table = entry.table;
  out.period = entry.at_ns;
  out.partition = entry.partition;
  out.to = {entry.rows};
  out.directory = entry.version;
  out.schema_version = schema->version;
  out.zones.resize(schema->columns.size());
  return out;
}

std::vector<hdb_ledger_entry> ledger_of(const hdb_manifest& manifest) {
  std::vector<hdb_ledger_entry> out;
  for (const auto& part : manifest.parts)
    if (is_ledger_entry(part))
      out.push_back({part.directory, part.period, part.table, part.partition,
                     part.to.value, part.stream.substr(ledger_prefix.size())});
  return out;
}

} // namespace millrace::persistence
