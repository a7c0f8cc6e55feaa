#include <millrace/actors/torq/registry/backends.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace millrace::torq {

const char* to_string(backend_role role) noexcept {
  return role == backend_role::rdb ? "rdb" : "hdb";
}

std::optional<backend_role> backend_role_of(std::string_view type) {
  for (const auto role : {backend_role::rdb, backend_role::hdb})
    if (type == to_string(role))
      return role;
  return std::nullopt;
}

partition_cut cut_of(const hdb_announcement& news, const std::string& table) {
  const auto at = news.cutovers.find(table);
  return {news.manifest, at == news.cutovers.end() ? position{} : at->second};
}

std::vector<std::string>
backend_table::update(const std::vector<process_row>& rows,
                      const std::set<backend_role>& roles, int64_t now_ns) {
  std::vector<std::string> fresh;
  for (const auto& row : rows) {
    const auto role = backend_role_of(row.type);
    if (!role || !roles.contains(*role))
      continue;
    auto& entry = rows_[row.name];
    auto directory = row.attributes.at("hdb").text_or_empty();
    const bool moved = entry.row.at != row.at || entry.directory != directory;
    entry.row = row;
    entry.role = *role;
    entry.stream = row.attributes.at("stream").text_or_empty();
    entry.directory = std::move(directory);
    entry.tables.clear();
    for (const auto& table : row.attributes.at("tables").elements())
      if (table.text())
        entry.tables.insert(*table.text());
    if (moved) {
      // What is under way goes to where it was.
      entry.link = backend{}.link;
      if (entry.handle)
        entry.lost_at_ns = now_ns;
      entry.forget_connection();
    }
    if (!entry.handle)
      fresh.push_back(row.name);
  }
  return fresh;
}

std::vector<const backend*>
backend_table::candidates(backend_role role, const table_home& home) const {
  std::vector<const backend*> found;
  for (const auto& [name, entry] : rows_)
    if (entry.role == role && entry.handle && !entry.unfit
        && entry.serves(home))
      found.push_back(&entry);
  if (const auto is_ready =
        [](const backend* each) {
          return each->standing && each->standing->ready;
        };
      std::any_of(found.begin(), found.end(), is_ready))
    std::erase_if(found, std::not_fn(is_ready));
  return found;
}

std::vector<const backend*> backend_table::candidates(backend_role role,
                                                      const table_home& home,
                                                      uint64_t turn,
                                                      int64_t now_ns) const {
  auto found = candidates(role, home);
  if (!found.empty())
    std::rotate(found.begin(),
                found.begin() + static_cast<ptrdiff_t>(turn % found.size()),
                found.end());
  // As they were at one moment: others may be done meanwhile.
  std::map<const backend*, std::pair<bool, uint32_t>> loads;
  for (const auto* each : found)
    loads[each] = {each->load.failed_lately(now_ns), each->load.count()};
  std::stable_sort(
    found.begin(), found.end(),
    [&](const auto* a, const auto* b) { return loads[a] < loads[b]; });
  return found;
}

std::vector<const backend*>
backend_table::copies(const table_home& home) const {
  std::vector<const backend*> found;
  for (const auto& [name, entry] : rows_)
    if (entry.role == backend_role::hdb && entry.handle && entry.announced
        && entry.directory != home.directory
        && entry.announced->contents.contains(home.table))
      found.push_back(&entry);
  return found;
}

std::optional<uint64_t> backend_table::contents(const table_home& home) const {
  const hdb_announcement* newest = nullptr;
  for (const auto& [name, entry] : rows_)
    if (entry.role == backend_role::hdb && entry.handle && entry.announced
        && entry.serves(home)
        && (newest == nullptr || newest->manifest < entry.announced->manifest))
      newest = &*entry.announced;
  if (newest == nullptr)
    return std::nullopt;
  const auto found = newest->contents.find(home.table);
  return found == newest->contents.end() ? std::nullopt
                                         : std::optional{found->second};
}

uint64_t backend_table::begin(const std::string& name) {
  auto* entry = find(name);
  if (entry == nullptr || !entry->link.away())
    return 0;
  entry->link.begin();
  return ++entry->attempt;
}

bool backend_table::reached(const std::string& name, uint64_t attempt,
                            caf::strong_actor_ptr handle, int64_t now_ns) {
  auto* entry = find(name);
  if (entry == nullptr || entry->attempt != attempt
      || entry->link.phase() != reconnection::phase_type::connecting)
    return false;
  entry->link.found(now_ns);
  entry->link.heard(now_ns);
  entry->handle = std::move(handle);
  return true;
}

void backend_table::refused(const std::string& name, uint64_t attempt,
                            const error& why, int64_t now_ns) {
  auto* entry = find(name);
  if (entry != nullptr && entry->attempt == attempt
      && entry->link.phase() == reconnection::phase_type::connecting)
    entry->link.lost(why, now_ns);
}

bool backend_table::disown(const std::string& name, uint64_t attempt,
                           const caf::error& why) {
  auto* entry = find(name);
  if (entry == nullptr || !entry->handle || entry->attempt != attempt
      || why == caf::sec::request_receiver_down)
    return false;
  entry->unfit
    = {errc::malformed_message,
       name + " is registered as " + to_string(entry->role)
         + ", and does not tell what it has (" + from_caf(why).context + ")"};
  return true;
}

bool backend_table::known(backend_role role, const table_home& home) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& item) {
    return item.second.role == role && item.second.serves(home);
  });
}

backend* backend_table::find(const std::string& name) {
  const auto found = rows_.find(name);
  return found == rows_.end() ? nullptr : &found->second;
}

std::string backend_table::lost(const caf::actor_addr& who, int64_t now_ns) {
  for (auto& [name, entry] : rows_)
    if (entry.handle && entry.handle->address() == who) {
      entry.forget_connection();
      entry.link.lost({errc::unavailable, name + ": its process is gone"},
                      now_ns);
      entry.lost_at_ns = now_ns;
      return name;
    }
  return {};
}

std::map<std::string, int64_t> backend_table::gone(const table_home& home,
                                                   int64_t now_ns) const {
  std::map<std::string, int64_t> out;
  for (const auto& [name, entry] : rows_)
    if (!entry.handle && entry.lost_at_ns != 0 && entry.serves(home))
      out.emplace(name, now_ns - entry.lost_at_ns);
  return out;
}

void backend_table::expect(std::map<std::string, std::string> directories,
                           int64_t now_ns) {
  expected_ = std::move(directories);
  expected_since_ns_ = now_ns;
}

std::map<std::string, int64_t>
backend_table::copies_away(const table_home& home, int64_t now_ns) const {
  std::map<std::string, int64_t> out;
  for (const auto& [name, directory] : expected_)
    if (!rows_.contains(name) && directory != home.directory)
      out.emplace(name, now_ns - expected_since_ns_);
  for (const auto& [name, entry] : rows_) {
    if (entry.role != backend_role::hdb || entry.announced
        || entry.directory == home.directory)
      continue;
    if (!entry.held)
      out.emplace(name,
                  now_ns - std::max(entry.lost_at_ns, expected_since_ns_));
    else if (entry.lost_at_ns != 0 && entry.held->contains(home.table))
      out.emplace(name, now_ns - entry.lost_at_ns);
  }
  return out;
}

bool backend_table::heard(const hdb_announcement& news) {
  auto* entry = find(news.process);
  if (entry == nullptr || !entry->handle)
    return false;
  const bool is_first = !entry->announced;
  entry->announced = news;
  auto& held = entry->held.emplace();
  for (const auto& [table, contents] : news.contents)
    held.insert(table);
  return is_first;
}

} // namespace millrace::torq
