#include <millrace/actors/torq/hdb/hdb.hpp>
#include <millrace/messages/text/listed.hpp>

namespace millrace::torq {

void hdb_state::recall() {
  if (mark)
    return;
  auto known = settings.mark_file.empty() ? known_of_hdb{} : marks_now();
  for (const auto& fault : known.faults)
    if (settings.on_warning)
      settings.on_warning("damaged",
                          "whether the database has all that was served is not "
                          "known, what there is now counts: "
                            + fault.context);
  mark = std::move(known.mark);
  marks_elsewhere = std::move(known.others);
  mark_is_kept
    = !settings.mark_file.empty() && env->fs->exists(settings.mark_file);
}

known_of_hdb hdb_state::marks_now() const {
  return read_marks(
    *env->fs,
    settings.mark_file.substr(0, settings.mark_file.find_last_of('/')),
    settings.directory);
}

/// Commands and other processes write marks while this one runs.
std::string hdb_state::remedy(const std::string& table) const {
  const auto known = marks_now();
  const auto homes = mark->homes_before(table);
  std::string marks;
  for (const auto& other : known.others)
    if (homes.contains(other.mark.directory()))
      text::add_to_list(marks, other.file, " and ");
  if (marks.empty()) {
    marks = settings.mark_file;
    for (const auto& each : known.files)
      if (each != settings.mark_file)
        text::add_to_list(marks, each, " and ");
  }
  return "once that is settled, remove " + marks
         + " and restart what serves the directory";
}

void hdb_state::look_for_losses(const persistence::hdb_manifest* manifest) {
  if (settings.mark_file.empty())
    return;
  const auto warn = [&](const std::string& id, const std::string& text) {
    if (settings.on_warning)
      settings.on_warning(id, text);
  };
  recall();
  const auto before = mark->losses();
  // Who removes it says that it is settled.
  if (mark_is_kept && !env->fs->exists(settings.mark_file))
    mark->forget_homes();
  const bool is_news
    = mark->see(settings.directory, manifest, settings.home_of);
  mark->see_elsewhere(marks_elsewhere, settings.home_of, settings.directory,
                      manifest);
  const auto now = mark->losses();
  for (const auto& [table, loss] : now)
    if (const auto was = before.find(table);
        was == before.end() || was->second != loss)
      warn("hdb_gone", loss + "; each answer says so until it is there again; "
                         + remedy(table));
  for (const auto& [table, loss] : before)
    if (!now.contains(table))
      warn("hdb_back", settings.directory
                         + " has again what was loaded and "
                           "corrected by hand of table '"
                         + table + "'");
  if (!is_news)
    return;
  const auto fault = write_mark(*env->fs, settings.mark_file, *mark);
  mark_is_kept = !fault;
  if (fault)
    warn("mark_not_kept",
         "what is served is not remembered: " + to_string(fault));
}

} // namespace millrace::torq
