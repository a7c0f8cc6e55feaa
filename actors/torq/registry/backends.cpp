#include <millrace/actors/torq/registry/backends.hpp>

#include <algorithm>
#include <functional>

namespace millrace::torq {

std::vector<std::string>
backend_table::update(const std::vector<process_row>& rows,
                      const std::set<std::string>& types) {
  std::vector<std::string> fresh;
  for (const auto& row : rows) {
    if (!types.contains(row.type))
      continue;
    auto& entry = rows_[row.name];
    const bool moved = entry.row.at != row.at;
    entry.row = row;
    entry.tables.clear();
    const auto* stream = row.attributes.at("stream").text();
    entry.stream = stream ? *stream : "";
    for (const auto& table : row.attributes.at("tables").elements())
      if (table.text())
        entry.tables.insert(*table.text());
    if (moved)
      entry.forget_connection();
    if (!entry.handle)
      fresh.push_back(row.name);
  }
  return fresh;
}

std::vector<const backend*> backend_table::candidates(const std::string& type,
                                                      const std::string& stream,
                                                      const std::string& table,
                                                      uint64_t turn) const {
  std::vector<const backend*> found;
  for (const auto& [name, entry] : rows_)
    if (entry.row.type == type && entry.handle
        && (entry.stream.empty() || entry.stream == stream)
        && (entry.tables.empty() || entry.tables.contains(table)))
      found.push_back(&entry);
  if (const auto is_ready =
        [](const backend* each) {
          return each->standing && each->standing->ready;
        };
      std::any_of(found.begin(), found.end(), is_ready))
    std::erase_if(found, std::not_fn(is_ready));
  if (!found.empty())
    std::rotate(found.begin(),
                found.begin() + static_cast<ptrdiff_t>(turn % found.size()),
                found.end());
  return found;
}

bool backend_table::known(const std::string& type,
                          const std::string& stream) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& item) {
    return item.second.row.type == type
           && (item.second.stream.empty() || item.second.stream == stream);
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
      entry.lost_at_ns = now_ns;
      return name;
    }
  return {};
}

bool backend_table::one_went(const std::string& stream, int64_t now_ns,
                             int64_t ago_ns) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& item) {
    const auto& entry = item.second;
    return !entry.handle && entry.lost_at_ns != 0
           && now_ns - entry.lost_at_ns < ago_ns
           && (entry.stream.empty() || entry.stream == stream);
  });
}

} // namespace millrace::torq
