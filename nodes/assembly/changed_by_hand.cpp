#include <millrace/actors/torq/hdb/served_mark.hpp>
#include <millrace/actors/torq/rdb/written_state.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/configuration/same_directory.hpp>
#include <millrace/persistence/disk/temporary_name.hpp>

#include <optional>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// As the hdbs of the cluster name it, which the marks are by.
std::optional<std::string> as_configured(const cluster_config& config,
                                         const std::string& directory) {
  for (const auto& process : config.processes) {
    const auto& own = process.hdb_directory;
    if (!own.empty() && is_same_directory(own, directory))
      return own;
  }
  return std::nullopt;
}

struct seen_hdb {
  torq::known_of_hdb known;
  bool is_there = false;
};

/// @param own the directory as it is configured
/// @param home_of tables that have their home there
result<seen_hdb> look_at(persistence::file_system& fs,
                         const std::string& folder, const std::string& own,
                         const std::set<std::string>& home_of) {
  seen_hdb out;
  out.known = torq::read_marks(fs, folder, own);
  if (!out.known.faults.empty())
    return out.known.faults.front();
  const auto manifest = persistence::read_hdb_manifest(fs, own);
  if (!manifest && manifest.failure().code != errc::not_found)
    return manifest.failure();
  out.is_there = manifest.has_value();
  (void)out.known.mark.see(own, manifest ? &*manifest : nullptr, home_of);
  out.known.mark.see_elsewhere(out.known.others, home_of, own,
                               manifest ? &*manifest : nullptr);
  return out;
}

result<seen_hdb> look(persistence::file_system& fs,
                      const cluster_config& config,
                      const std::string& directory) {
  const auto own = as_configured(config, directory).value_or(directory);
  return look_at(fs, marks_folder(config), own, home_of(config, own));
}

std::vector<std::string> losses_of(const torq::served_mark& mark) {
  std::vector<std::string> out;
  for (const auto& [table, loss] : mark.losses())
    out.push_back(loss);
  return out;
}

std::vector<std::string> losses_in(const result<seen_hdb>& seen) {
  return seen ? losses_of(seen->known.mark)
              : std::vector{to_string(seen.failure())};
}

} // namespace

std::set<std::string> home_of(const cluster_config& config,
                              const std::string& directory) {
  std::set<std::string> out;
  for (const auto& table : tables_at(config, directory))
    out.insert(table.name);
  return out;
}

std::string marks_folder(const cluster_config& config) {
  return config.data_directory + "/hdb-served";
}

std::string stream_notes_folder(const cluster_config& config) {
  return config.data_directory + "/streams";
}

std::string stream_note_file(const cluster_config& config,
                             const std::string& rdb) {
  return stream_notes_folder(config) + "/" + rdb;
}

namespace {

/// What an rdb that noted this wrote to a database, and that lacks; empty:
/// nothing. @param manifest null: there is none
/// @param of null: the configuration has no rdb of that name
std::string missed_by(const result<torq::stream_note>& note,
                      const std::string& rdb, const std::string& directory,
                      const persistence::hdb_manifest* manifest,
                      const process_config* of, const std::string& stream_of) {
  const bool writes_there = of != nullptr && !of->hdb_directory.empty()
                            && is_same_directory(of->hdb_directory, directory);
  const auto knows = [&](const std::string& stream) {
    return manifest != nullptr
           && torq::written_state_of(*manifest, stream, {}).knows_stream();
  };
  if (!note)
    return writes_there && !knows(stream_of)
             ? "whether " + rdb + " wrote to it is not known, as "
                 + note.failure().context
             : std::string{};
  if (note->begins_anew
      || (note->directory.empty()
            ? !writes_there
            : !is_same_directory(note->directory, directory)))
    return {};
  const auto& stream = note->stream.empty() ? stream_of : note->stream;
  // Nobody says of which stream those were.
  if (stream.empty() && manifest != nullptr)
    return {};
  return torq::lacks_rows_of(*note, manifest != nullptr, knows(stream))
           ? rdb + " wrote rows of stream '" + stream + "' down to it"
           : std::string{};
}

/// What rdbs wrote down to a directory, and its database does not know of; also
/// those that the configuration names no more.
void add_rows_of_rdbs(persistence::file_system& fs,
                      const cluster_config& config,
                      const std::string& directory, const std::string& besides,
                      torq::lost_database& out) {
  const auto manifest = persistence::read_hdb_manifest(fs, directory);
  if (!manifest && manifest.failure().code != errc::not_found)
    return;
  const auto files = fs.list(stream_notes_folder(config));
  if (!files)
    return;
  for (const auto& entry : *files) {
    if (entry.is_directory || entry.name == besides
        || entry.name.ends_with(persistence::temporary_suffix))
      continue;
    const auto file = stream_note_file(config, entry.name);
    const auto* process = config.process(entry.name);
    const auto* of = process != nullptr && process->type == process_type::rdb
                       ? process
                       : nullptr;
    const auto what
      = missed_by(torq::read_stream_note(fs, file), entry.name, directory,
                  manifest ? &*manifest : nullptr, of,
                  of != nullptr ? config.stream_of(*of) : std::string{});
    if (what.empty())
      continue;
    out.losses.push_back("the hdb in " + directory
                         + (manifest ? " is another one: "
                                     : " is not there (a disk that is not "
                                       "mounted?): ")
                         + what);
    out.files.push_back(file);
    out.has_rows_of_rdbs = true;
  }
}

void add_marked(const torq::known_of_hdb& known, torq::lost_database& out) {
  const auto& losses = known.mark.own_losses();
  if (losses.empty())
    return;
  for (const auto& [table, loss] : losses)
    out.losses.push_back(loss);
  out.files.insert(out.files.end(), known.files.begin(), known.files.end());
}

} // namespace

torq::lost_database lost_beside(persistence::file_system& fs,
                                const cluster_config& config,
                                const std::string& directory,
                                const std::string& besides) {
  torq::lost_database out;
  add_rows_of_rdbs(fs, config, directory, besides, out);
  const auto own = as_configured(config, directory).value_or(directory);
  const auto seen = look_at(fs, marks_folder(config), own, {});
  if (!seen) {
    out.losses.push_back(to_string(seen.failure()));
    return out;
  }
  add_marked(seen->known, out);
  return out;
}

error check_not_gone(persistence::file_system& fs, const cluster_config& config,
                     const std::string& directory) {
  const auto seen = look(fs, config, directory);
  if (!seen)
    return seen.failure();
  torq::lost_database lost;
  add_rows_of_rdbs(fs, config, directory, {}, lost);
  // What was done elsewhere is to be loaded here.
  if (!seen->is_there)
    add_marked(seen->known, lost);
  if (lost.losses.empty())
    return {};
  return {errc::unavailable, lost.losses.front()
                               + "; to begin another one in its place, remove "
                               + text::listed(lost.files)
                               + ", and restart what serves the directory"};
}

std::vector<std::string> gone_by_hand(persistence::file_system& fs,
                                      const cluster_config& config,
                                      const std::string& directory) {
  return losses_in(look(fs, config, directory));
}

std::vector<std::string> gone_by_hand(persistence::file_system& fs,
                                      const std::string& folder,
                                      const std::string& own_directory,
                                      const std::set<std::string>& home_of) {
  return losses_in(look_at(fs, folder, own_directory, home_of));
}

result<std::vector<std::string>>
remember_by_hand(persistence::file_system& fs, const cluster_config& config,
                 const std::string& directory) {
  const auto own = as_configured(config, directory);
  if (!own)
    return std::vector<std::string>{};
  const auto folder = marks_folder(config);
  const auto path = torq::mark_of_commands(folder, *own);
  const auto tables = home_of(config, *own);
  auto manifest = persistence::read_hdb_manifest(fs, *own);
  for (;;) {
    if (!manifest)
      return manifest.failure();
    auto known = torq::read_marks(fs, folder, *own);
    // What is gone stays so in this one too.
    const bool is_news
      = known.mark.see(*own, &*manifest, tables) || !fs.exists(path);
    if (is_news && known.mark != torq::served_mark{})
      if (auto fault
          = torq::write_mark(fs, path, known.mark, std::to_string(::getpid())))
        return fault;
    // Another command may have committed, and written its mark before this one:
    // who writes last knows what was there then.
    const auto seen = manifest->identity;
    manifest = persistence::read_hdb_manifest(fs, *own);
    if (!manifest || manifest->identity != seen)
      continue;
    known.mark.see_elsewhere(known.others, tables, *own, &*manifest);
    return known.faults.empty() ? losses_of(known.mark)
                                : std::vector{to_string(known.faults.front())};
  }
}

} // namespace millrace::nodes
