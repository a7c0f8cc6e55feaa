#include <millrace/actors/torq/rdb/written_rows.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

namespace millrace::torq {

result<written_rows> read_written(persistence::file_system& fs,
                                  const std::string& directory,
                                  const std::string& stream, period_id period) {
  written_rows out;
  const auto manifest = persistence::read_hdb_manifest(fs, directory);
  if (!manifest) {
    if (manifest.failure().code == errc::not_found)
      return out;
    return manifest.failure();
  }
  position begin;
  for (const auto& part : manifest->parts) {
    if (part.stream != stream || part.period != period.value)
      continue;
    begin = part.from;
    out.end = part.to;
    auto& dates = out.rows[part.table];
    if (const auto date = text::parse_date(part.partition);
        date && part.row_count != 0)
      dates[*date] += part.row_count;
  }
  for (const auto& loss : manifest->losses)
    if (loss.stream == stream && loss.touches(begin, out.end))
      (loss.kind == persistence::hdb_loss::rejects ? out.rejected_batches
                                                   : out.losses)
        += loss.count;
  if (out.end != position{})
    out.version = manifest_version{manifest->version};
  return out;
}

} // namespace millrace::torq
