#include <millrace/actors/torq/hdb/served_mark.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <span>
#include <xxhash.h>

namespace millrace::torq {

namespace {

constexpr uint64_t mark_bytes_max = 16u << 20;

/// Enough to tell databases apart.
constexpr size_t kept_hashes = 16;

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
      table.loads.insert(XXH3_64bits(part.stream.data(), part.stream.size()));
      // "/load/<generation>/=<bytes>:<hash>:<file>@<rows>"
      const auto file = part.stream.substr(0, part.stream.rfind('@'));
      table.last_load = part.partition + ": loaded "
                        + file.substr(file.find_last_of(":/") + 1);
    }
  for (auto& entry : persistence::ledger_of(manifest))
    out[entry.table].entries.push_back(std::move(entry));
  return out;
}

served_mark::done_by_hand served_mark::mark_of(const found& there) {
  done_by_hand out;
  out.count = there.entries.size();
  out.what = there.last_load;
  if (!there.entries.empty()) {
    const auto& last = there.entries.back();
    out.version = last.version;
    out.at_ns = last.at_ns;
    out.what = last.partition + ": " + last.text;
  }
  out.loads = there.loads.size();
  for (const auto hash : there.loads)
    if (out.some.size() < kept_hashes)
      out.some.insert(hash);
  return out;
}

bool served_mark::holds(const found& there, const done_by_hand& mark) {
  uint64_t until = 0;
  bool is_there = mark.count == 0;
  bool is_later = false;
  for (const auto& entry : there.entries) {
    is_later = is_later || entry.version > mark.version;
    until += entry.version <= mark.version;
    is_there = is_there
               || (entry.version == mark.version && entry.at_ns == mark.at_ns);
  }
  return is_there && until >= mark.count
         && (is_later
             || (there.loads.size() >= mark.loads
                 && std::includes(there.loads.begin(), there.loads.end(),
                                  mark.some.begin(), mark.some.end())));
}

bool served_mark::see(const std::string& directory,
                      const persistence::hdb_manifest* manifest) {
  const auto before = *this;
  const auto there
    = manifest ? all_of(*manifest) : std::map<std::string, found>{};
  for (const auto& [table, mark] : tables_) {
    const auto now = there.find(table);
    if (now != there.end() && holds(now->second, mark)) {
      losses_.erase(table);
      continue;
    }
    losses_.try_emplace(
      table,
      "the hdb in " + directory
        + (manifest == nullptr ? " is not there (a disk that is not mounted?)"
                               : " is another one, or an older copy of it")
        + ": of table '" + table
        + "' it lacks what was loaded and corrected by hand (last " + mark.what
        + ")");
  }
  for (const auto& [table, now] : there)
    if (!losses_.contains(table))
      tables_[table] = mark_of(now);
  return *this != before;
}

std::string served_mark::text() const {
  text::json_value tables = text::json_value::object();
  for (const auto& [name, table] : tables_)
    tables.add(name, text::json_value{
                       {"count", table.count},
                       {"version", table.version},
                       {"at", table.at_ns},
                       {"what", table.what},
                       {"loads", table.loads},
                       {"some", std::vector<uint64_t>(table.some.begin(),
                                                      table.some.end())}});
  text::json_value losses = text::json_value::object();
  for (const auto& [name, what] : losses_)
    losses.add(name, what);
  return text::json_value{{"tables", std::move(tables)},
                          {"losses", std::move(losses)}}
           .dump()
         + "\n";
}

result<served_mark> served_mark::parse(std::string_view text) {
  const error bad{errc::corrupt, "is no mark of what an hdb served"};
  const auto value = text::parse_json(text);
  const auto* tables = value ? value->find("tables") : nullptr;
  const auto* losses = value ? value->find("losses") : nullptr;
  if (tables == nullptr || losses == nullptr || !tables->is_object()
      || !losses->is_object())
    return bad;
  served_mark out;
  for (const auto& [name, table] : tables->entries()) {
    const auto* count = table.find("count");
    const auto* version = table.find("version");
    const auto* at = table.find("at");
    const auto* loads = table.find("loads");
    const auto* some = table.find("some");
    if (loads == nullptr || !loads->natural() || some == nullptr
        || !some->is_array() || count == nullptr || version == nullptr
        || at == nullptr || !count->natural() || !version->natural()
        || !at->integer())
      return bad;
    auto& mark = out.tables_[name];
    mark.count = *count->natural();
    mark.version = *version->natural();
    mark.at_ns = *at->integer();
    mark.what = table.at("what").text_or_empty();
    mark.loads = *loads->natural();
    for (const auto& each : some->elements())
      mark.some.insert(each.natural().value_or(0));
  }
  for (const auto& [name, what] : losses->entries())
    out.losses_[name] = what.text_or_empty();
  return out;
}

result<served_mark> read_mark(persistence::file_system& fs,
                              const std::string& path) {
  const auto bytes = persistence::read_file(fs, path, mark_bytes_max);
  if (!bytes && bytes.failure().code == errc::not_found)
    return served_mark{};
  if (!bytes)
    return bytes.failure();
  auto mark = served_mark::parse(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!mark)
    return error{errc::corrupt, path + ": " + mark.failure().context};
  return mark;
}

error write_mark(persistence::file_system& fs, const std::string& path,
                 const served_mark& mark) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  const auto text = mark.text();
  return persistence::replace_file(fs, path,
                                   std::as_bytes(std::span<const char>{text}));
}

} // namespace millrace::torq
