#include <millrace/actors/torq/rdb/written_state.hpp>

#include <algorithm>

namespace millrace::torq {

written_state written_state_of(const persistence::hdb_manifest& manifest,
                               const std::string& stream,
                               const std::vector<table_schema>& tables) {
  written_state out;
  out.version = manifest_version{manifest.version};
  out.life = manifest.life(stream);
  std::optional<position> least;
  const auto cutovers = manifest.cutovers();
  for (const auto& table : tables) {
    const auto found = cutovers.find({stream, table.name});
    const auto at = found == cutovers.end() ? position{} : found->second;
    least = std::min(least.value_or(at), at);
    if (at != position{})
      out.cutovers.emplace(table.name, at);
  }
  out.cutover = least.value_or(position{});
  for (const auto& part : manifest.parts)
    if (part.stream == stream)
      out.held_to = std::max(out.held_to, part.to);
  // What nobody held comes from the stream to whom holds it now.
  const auto is_ours = [&](const persistence::hdb_loss& loss) {
    return loss.stream == stream && loss.kind != persistence::hdb_loss::unheld
           && (loss.table.empty()
               || std::any_of(
                 tables.begin(), tables.end(),
                 [&](const auto& table) { return table.name == loss.table; }));
  };
  for (const auto& loss : manifest.losses) {
    if (!is_ours(loss))
      continue;
    if (loss.kind == persistence::hdb_loss::rejects) {
      out.rejected_batches += loss.count;
      out.last_reject = loss.text;
    } else {
      out.losses += loss.count;
      out.last_loss = loss.text;
    }
  }
  return out;
}

} // namespace millrace::torq
