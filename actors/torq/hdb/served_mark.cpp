#include <millrace/actors/torq/hdb/served_mark.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/persistence/disk/temporary_name.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <span>
#include <xxhash.h>

namespace millrace::torq {

namespace {

/// Of one database a mark has less than its manifest, which has this bound.
constexpr uint64_t mark_bytes_max = uint64_t{1} << 30;

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

/// Streams of loaded files are named so: no stream of a configuration is.
bool is_load(const persistence::hdb_part& part) {
  return part.stream.starts_with('/') && !persistence::is_ledger_entry(part);
}

} // namespace

std::map<std::string, served_mark::found>
served_mark::all_of(const persistence::hdb_manifest& manifest) {
  std::map<std::string, found> out;
  for (const auto& part : manifest.parts)
    if (is_load(part)) {
      auto& table = out[part.table];
      const auto hash = hash_of(part.stream);
      table.loads[part.partition].insert(hash);
      if (part.row_count != 0)
        table.with_rows[part.partition].insert(hash);
      // "/load/<generation>/=<bytes>:<hash>:<file>@<rows>"
      const auto file = part.stream.substr(0, part.stream.rfind('@'));
      table.last_load = part.partition + ": loaded "
                        + file.substr(file.find_last_of(":/") + 1);
    }
  for (auto& entry : persistence::ledger_of(manifest))
    out[entry.table].entries.push_back(std::move(entry));
  return out;
}

served_mark::done_by_hand
served_mark::mark_of(const found& there,
                     const persistence::hdb_manifest& manifest) {
  done_by_hand out;
  out.seen = manifest.version;
  out.changes = manifest.changes.size();
  out.last_change = manifest.changes.empty() ? 0 : manifest.changes.back();
  out.count = there.entries.size();
  out.what = there.last_load;
  if (!there.entries.empty()) {
    const auto& last = there.entries.back();
    out.version = last.version;
    out.at_ns = last.at_ns;
    out.what = last.partition + ": " + last.text;
  }
  out.loads = there.with_rows;
  return out;
}

bool served_mark::holds(const persistence::hdb_manifest& manifest,
                        const found& there, const done_by_hand& mark) {
  const bool is_known = mark.changes != 0;
  if (is_known && manifest.changes.size() >= mark.changes
      && manifest.changes[mark.changes - 1] == mark.last_change)
    return true;
  uint64_t until = 0;
  bool is_there = mark.count == 0;
  std::set<std::string_view> changed; // Partitions, since all was there.
  for (const auto& entry : there.entries) {
    if (!is_known && entry.version > mark.seen)
      changed.insert(entry.partition);
    until += entry.version <= mark.version;
    is_there = is_there
               || (entry.version == mark.version && entry.at_ns == mark.at_ns);
  }
  return is_there && until >= mark.count
         && std::all_of(
           mark.loads.begin(), mark.loads.end(), [&](const auto& each) {
             const auto& [partition, files] = each;
             const auto now = there.loads.find(partition);
             return changed.contains(partition)
                    || (now != there.loads.end()
                        && std::includes(now->second.begin(), now->second.end(),
                                         files.begin(), files.end()));
           });
}

const std::set<std::string>&
served_mark::partitions_of(const std::string& table) const {
  static const std::set<std::string> none;
  const auto there = partitions_.find(table);
  return there == partitions_.end() ? none : there->second;
}

void served_mark::add(const served_mark& other) {
  for (const auto& [table, partitions] : other.partitions_)
    partitions_[table].insert(partitions.begin(), partitions.end());
  for (const auto& [table, marks] : other.tables_) {
    auto& own = tables_[table];
    for (const auto& mark : marks) {
      const auto same = std::find(own.begin(), own.end(), mark);
      // Of releases that kept no changes the later one knows all.
      const auto older = std::find_if(
        own.begin(), own.end(), [](auto& each) { return each.changes == 0; });
      if (same == own.end() && (mark.changes != 0 || older == own.end()))
        own.push_back(mark);
      else if (same == own.end() && mark.seen > older->seen)
        *older = mark;
    }
  }
  for (const auto& [table, loss] : other.losses_)
    losses_.try_emplace(table, loss);
  if (directory_.empty())
    directory_ = other.directory_;
}

bool served_mark::see(const std::string& directory,
                      const persistence::hdb_manifest* manifest,
                      const std::set<std::string>& home_of) {
  const auto before = *this;
  std::set<std::string> homes = home_of;
  for (const auto& [table, marks] : tables_)
    if (std::any_of(marks.begin(), marks.end(),
                    [](const auto& mark) { return mark.home; }))
      homes.insert(table);
  directory_ = directory;
  const auto there
    = manifest ? all_of(*manifest) : std::map<std::string, found>{};
  for (auto& [table, marks] : tables_) {
    const auto now = there.find(table);
    const auto& has = now == there.end() ? found{} : now->second;
    if (manifest != nullptr)
      std::erase_if(
        marks, [&](const auto& mark) { return holds(*manifest, has, mark); });
    if (marks.empty()) {
      losses_.erase(table);
      continue;
    }
    losses_[table]
      = "the hdb in " + directory
        + (manifest == nullptr ? " is not there (a disk that is not mounted?)"
                               : " is another one, or an older copy of it")
        + ": of table '" + table
        + "' it lacks what was loaded and corrected by hand (last "
        + marks.front().what + ")";
  }
  for (const auto& [table, now] : there) {
    auto& mark = tables_[table].emplace_back(mark_of(now, *manifest));
    mark.home = homes.contains(table);
  }
  std::erase_if(tables_, [](const auto& each) { return each.second.empty(); });
  if (manifest != nullptr) {
    partitions_.clear();
    for (const auto& part : manifest->parts)
      if (part.row_count != 0)
        partitions_[part.table].insert(part.partition);
  }
  if (tables_.empty() && partitions_.empty())
    directory_.clear(); // There is nothing to know of it.
  // A version alone is no news.
  auto same = *this;
  for (auto& [table, marks] : same.tables_)
    if (const auto was = before.tables_.find(table);
        was != before.tables_.end() && was->second.size() == marks.size())
      for (size_t i = 0; i < marks.size(); ++i)
        marks[i].seen = was->second[i].seen;
  return same != before;
}

void served_mark::see_elsewhere(const std::vector<kept_mark>& others,
                                const std::set<std::string>& tables,
                                const std::string& directory,
                                const persistence::hdb_manifest* manifest) {
  elsewhere_.clear();
  if (others.empty())
    return;
  const auto there
    = manifest ? all_of(*manifest) : std::map<std::string, found>{};
  for (const auto& other : others)
    for (const auto& [table, marks] : other.mark.tables_) {
      if (!tables.contains(table))
        continue;
      const auto now = there.find(table);
      const auto& has = now == there.end() ? found{} : now->second;
      for (const auto& mark : marks)
        if (mark.home && (manifest == nullptr || !holds(*manifest, has, mark))
            && elsewhere_[table].homes.insert(other.mark.directory_).second)
          text::add_to_list(elsewhere_[table].text,
                            "in " + other.mark.directory_ + " (last "
                              + mark.what + ")",
                            " and ");
    }
  for (auto& [table, lost] : elsewhere_)
    lost.text = "the hdb in " + directory + ", where table '" + table
                + "' has its home, lacks what was loaded and corrected by hand "
                + lost.text;
}

void served_mark::forget_homes() {
  for (auto& [table, marks] : tables_)
    for (auto& mark : marks)
      mark.home = false;
}

std::map<std::string, std::string> served_mark::losses() const {
  auto out = losses_;
  for (const auto& [table, lost] : elsewhere_)
    out.try_emplace(table, lost.text);
  return out;
}

const std::string* served_mark::loss_of(const std::string& table) const {
  if (const auto own = losses_.find(table); own != losses_.end())
    return &own->second;
  const auto other = elsewhere_.find(table);
  return other == elsewhere_.end() ? nullptr : &other->second.text;
}

std::set<std::string>
served_mark::homes_before(const std::string& table) const {
  const auto other = elsewhere_.find(table);
  return losses_.contains(table) || other == elsewhere_.end()
           ? std::set<std::string>{}
           : other->second.homes;
}

text::json_value served_mark::to_json(const done_by_hand& mark) {
  auto loads = text::json_value::object();
  for (const auto& [partition, files] : mark.loads)
    loads.add(partition, std::vector<uint64_t>(files.begin(), files.end()));
  return {{"seen", mark.seen},
          {"changes", mark.changes},
          {"last_change", mark.last_change},
          {"count", mark.count},
          {"version", mark.version},
          {"at", mark.at_ns},
          {"what", mark.what},
          {"home", mark.home},
          {"loads", std::move(loads)}};
}

std::string served_mark::text() const {
  auto tables = text::json_value::object();
  auto others = text::json_value::object();
  for (const auto& [name, marks] : tables_) {
    tables.add(name, to_json(marks.back()));
    if (marks.size() == 1)
      continue;
    auto rest = text::json_value::array();
    for (size_t i = 0; i + 1 < marks.size(); ++i)
      rest.add(to_json(marks[i]));
    others.add(name, std::move(rest));
  }
  text::json_value losses = text::json_value::object();
  for (const auto& [name, what] : losses_)
    losses.add(name, what);
  text::json_value partitions = text::json_value::object();
  for (const auto& [table, names] : partitions_)
    partitions.add(table, std::vector<std::string>(names.begin(), names.end()));
  return text::json_value{{"directory", directory_},
                          {"partitions", std::move(partitions)},
                          {"tables", std::move(tables)},
                          {"others", std::move(others)},
                          {"losses", std::move(losses)}}
           .dump()
         + "\n";
}

result<served_mark::done_by_hand>
served_mark::mark_of_json(const text::json_value& from) {
  const auto seen = from.at("seen").natural();
  const auto count = from.at("count").natural();
  const auto version = from.at("version").natural();
  const auto at = from.at("at").integer();
  if (!seen || !count || !version || !at || !from.at("loads").is_object())
    return error{errc::corrupt, "a mark of a table"};
  done_by_hand out;
  out.seen = *seen;
  out.changes = from.at("changes").natural().value_or(0);
  out.last_change = from.at("last_change").natural().value_or(0);
  out.count = *count;
  out.version = *version;
  out.at_ns = *at;
  out.what = from.at("what").text_or_empty();
  // Releases that did not keep it had homes as well.
  out.home = from.at("home").boolean().value_or(true);
  for (const auto& [partition, files] : from.at("loads").entries())
    for (const auto& each : files.elements())
      out.loads[partition].insert(each.natural().value_or(0));
  return out;
}

result<served_mark> served_mark::parse(std::string_view text) {
  const error bad{errc::corrupt, "is no mark of what an hdb served"};
  const auto value = text::parse_json(text);
  const auto* tables = value ? value->find("tables") : nullptr;
  const auto* losses = value ? value->find("losses") : nullptr;
  const auto* directory = value ? value->find("directory") : nullptr;
  if (tables == nullptr || losses == nullptr || !tables->is_object()
      || !losses->is_object() || directory == nullptr || !directory->text())
    return bad;
  served_mark out;
  out.directory_ = *directory->text();
  for (const auto& [name, rest] : value->at("others").entries())
    for (const auto& each : rest.elements()) {
      auto mark = mark_of_json(each);
      if (!mark)
        return bad;
      out.tables_[name].push_back(*std::move(mark));
    }
  for (const auto& [name, table] : tables->entries()) {
    auto mark = mark_of_json(table);
    if (!mark)
      return bad;
    out.tables_[name].push_back(*std::move(mark));
  }
  for (const auto& [table, names] : value->at("partitions").entries())
    for (const auto& each : names.elements())
      out.partitions_[table].insert(each.text_or_empty());
  for (const auto& [name, what] : losses->entries())
    out.losses_[name] = what.text_or_empty();
  return out;
}

namespace {

result<served_mark> read_mark(persistence::file_system& fs,
                              const std::string& path) {
  const auto bytes = persistence::read_own_file(fs, path, mark_bytes_max);
  if (!bytes)
    return bytes.failure();
  auto mark = served_mark::parse(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!mark)
    return error{errc::corrupt, path + ": " + mark.failure().context
                                  + "; look whether the database is its newest "
                                    "copy, then remove that file"};
  return mark;
}

} // namespace

known_of_hdb read_marks(persistence::file_system& fs, const std::string& folder,
                        const std::string& directory) {
  known_of_hdb out;
  if (!fs.exists(folder))
    return out;
  const auto entries = fs.list(folder);
  if (!entries) {
    out.faults.push_back(entries.failure());
    return out;
  }
  for (const auto& entry : *entries) {
    if (entry.name.ends_with(persistence::temporary_suffix))
      continue;
    const auto path = folder + "/" + entry.name;
    auto mark = read_mark(fs, path);
    if (!mark)
      out.faults.push_back(mark.failure());
    if (!mark)
      continue;
    if (mark->directory() == directory) {
      out.mark.add(*mark);
      out.files.push_back(path);
    } else if (!mark->directory().empty()) {
      out.others.push_back({*std::move(mark), path});
    }
  }
  return out;
}

std::string mark_of_commands(const std::string& folder,
                             const std::string& directory) {
  // No process is named so.
  char name[32];
  std::snprintf(name, sizeof name, ".commands-%016" PRIx64, hash_of(directory));
  return folder + "/" + name;
}

error write_mark(persistence::file_system& fs, const std::string& path,
                 const served_mark& mark, const std::string& writer) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  const auto text = mark.text();
  const auto bytes = std::as_bytes(std::span<const char>{text});
  if (writer.empty())
    return persistence::replace_own_file(fs, path, bytes, mark_bytes_max);
  // What is half written is nobody's mark, and others do not write into it.
  const auto own
    = path + "." + writer + std::string{persistence::temporary_suffix};
  if (auto fault
      = persistence::replace_own_file(fs, own, bytes, mark_bytes_max))
    return fault;
  if (auto fault = fs.rename(own, path))
    return fault;
  return fs.sync_directory(path.substr(0, path.find_last_of('/')));
}

} // namespace millrace::torq
