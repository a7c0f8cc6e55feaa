#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/record_salvage.hpp>

namespace millrace::rt {

namespace {

std::string path_of(const std::string& directory, position file) {
  return directory + "/"
         + persistence::log_file_name(file.session(), file.roll());
}

error no_state(const std::string& path) {
  return {errc::not_found, path + ": begins with no state"};
}

} // namespace

result<std::vector<std::byte>> state_bytes(persistence::file_system& fs,
                                           const std::string& directory,
                                           const lineage_id& lineage,
                                           position file) {
  const auto path = path_of(directory, file);
  auto mapped = fs.map(path);
  if (!mapped)
    return mapped.failure();
  const auto parsed = persistence::parse_record(
    (*mapped)->bytes(), lineage, file, persistence::payload_check::verify);
  if (parsed.kind != persistence::parse_outcome::what::record
      || parsed.record.kind != persistence::record_kind::state
      || persistence::is_lost_state(parsed.record))
    return no_state(path);
  const auto payload
    = parsed.record.frame_at(parsed.record.first_frame).payload;
  return std::vector<std::byte>{payload.begin(), payload.end()};
}

result<merge_state> state_at(persistence::file_system& fs,
                             const std::string& directory,
                             const lineage_id& lineage, position file) {
  const auto bytes = state_bytes(fs, directory, lineage, file);
  if (!bytes)
    return bytes.failure();
  auto state = decode_merge_state(*bytes);
  if (!state)
    return no_state(path_of(directory, file));
  // The record describes the stream before itself.
  state->out_end = file;
  return state;
}

} // namespace millrace::rt
