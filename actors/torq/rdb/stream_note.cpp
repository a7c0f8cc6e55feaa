#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/messages/text/json_text.hpp>

#include <span>
#include <string_view>

namespace millrace::torq {

namespace {

constexpr uint64_t note_bytes_max = 1u << 20;

} // namespace

bool lacks_rows_of(const stream_note& note, bool is_there, bool knows) {
  // Earlier releases noted any database, also one that was only loaded.
  return note.has_rows && !(note.directory.empty() ? is_there : knows);
}

result<stream_note> read_stream_note(persistence::file_system& fs,
                                     const std::string& path) {
  const auto bytes = persistence::read_own_file(fs, path, note_bytes_max);
  if (!bytes && bytes.failure().code == errc::not_found)
    return stream_note{};
  if (!bytes)
    return error{errc::corrupt, bytes.failure().context};
  const auto value = text::parse_json(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  const auto* life = value ? value->find("life") : nullptr;
  const auto* losses = value ? value->find("losses") : nullptr;
  const auto* has_hdb = value ? value->find("hdb") : nullptr;
  const auto known
    = life != nullptr ? lineage_of(life->text_or_empty()) : std::nullopt;
  if (!known || losses == nullptr || !losses->is_array() || has_hdb == nullptr
      || !has_hdb->boolean())
    return error{errc::corrupt, path + ": is no note of a stream"};
  stream_note out;
  out.life = *known;
  // Earlier releases told it apart while that was gone.
  out.has_rows
    = *has_hdb->boolean() || value->at("goneHadRows").boolean().value_or(false);
  out.directory = value->at("directory").text_or_empty();
  out.stream = value->at("stream").text_or_empty();
  out.gone = value->at("gone").text_or_empty();
  out.begins_anew = value->at("beginsAnew").boolean().value_or(false);
  for (const auto& each : losses->elements())
    out.losses.push_back(each.text_or_empty());
  return out;
}

error write_stream_note(persistence::file_system& fs, const std::string& path,
                        const stream_note& note) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  const text::json_value value{
    {"life", to_string(note.life)},  {"hdb", note.has_rows},
    {"directory", note.directory},   {"stream", note.stream},
    {"losses", note.losses},         {"gone", note.gone},
    {"beginsAnew", note.begins_anew}};
  const auto line = value.dump() + "\n";
  return persistence::replace_own_file(
    fs, path, std::as_bytes(std::span<const char>{line}), note_bytes_max);
}

} // namespace millrace::torq
