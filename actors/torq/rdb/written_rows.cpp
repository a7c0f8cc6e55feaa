#include <millrace/actors/torq/rdb/written_rows.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <algorithm>

namespace millrace::torq {

written_rows written_rows_of(const persistence::hdb_manifest& manifest,
                             const std::string& stream,
                             const std::set<std::string>& tables,
                             period_id period,
                             const std::set<std::string, std::less<>>& unheld) {
  written_rows out;
  position begin;
  std::map<std::string, position> covered;
  for (const auto& part : manifest.parts) {
    if (part.stream != stream || !tables.contains(part.table))
      continue;
    if (part.period >= period.value) {
      const auto [at, first] = covered.try_emplace(part.table, part.to);
      at->second = std::min(at->second, part.to);
    }
    if (part.period != period.value)
      continue;
    begin = part.from;
    out.end = part.to;
    auto& dates = out.rows[part.table];
    if (const auto date = text::parse_date(part.partition);
        date && part.row_count != 0)
      dates[period_id{*date}] += part.row_count;
  }
  if (covered.size() == tables.size())
    for (const auto& [table, to] : covered)
      out.covered = std::max(out.covered, to);
  for (const auto& loss : manifest.losses) {
    if (loss.stream != stream || !loss.touches(begin, out.end))
      continue;
    if (loss.kind == persistence::hdb_loss::rejects) {
      out.rejected_batches += loss.count;
    } else if (loss.kind == persistence::hdb_loss::unheld) {
      if (unheld.contains(loss.table))
        out.unheld_batches += loss.count;
    } else {
      out.losses += loss.count;
      out.last_loss = loss.text;
    }
  }
  if (out.end != position{})
    out.version = manifest_version{manifest.version};
  return out;
}

result<written_rows>
read_written(persistence::file_system& fs, const std::string& directory,
             const std::string& stream, const std::set<std::string>& tables,
             period_id period,
             const std::set<std::string, std::less<>>& unheld) {
  const auto manifest = persistence::read_hdb_manifest(fs, directory);
  if (!manifest) {
    if (manifest.failure().code == errc::not_found)
      return written_rows{};
    return manifest.failure();
  }
  return written_rows_of(*manifest, stream, tables, period, unheld);
}

} // namespace millrace::torq
