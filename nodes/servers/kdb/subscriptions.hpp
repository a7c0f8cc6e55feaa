#pragma once

#include <millrace/nodes/servers/kdb/stream_rows.hpp>
#include <millrace/nodes/servers/port/listener.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace millrace::nodes::kdb {

/// Which clients want which rows. One owner.
class subscriptions {
public:
  using subscribers = std::map<connection_id, wanted_symbols>;

  /// Takes the place of what this client wanted of the table before.
  void add(connection_id who, const std::string& table, wanted_symbols what) {
    by_table_[table].insert_or_assign(who, std::move(what));
  }
  void remove(connection_id who, const std::string& table) {
    if (const auto found = by_table_.find(table); found != by_table_.end())
      found->second.erase(who);
  }
  void remove(connection_id who) {
    for (auto& each : by_table_)
      each.second.erase(who);
  }
  [[nodiscard]] bool has(connection_id who) const {
    return std::any_of(by_table_.begin(), by_table_.end(),
                       [&](const auto& of) { return of.second.contains(who); });
  }
  /// Valid until the next change.
  [[nodiscard]] const subscribers& of(const std::string& table) const {
    static const subscribers none;
    const auto found = by_table_.find(table);
    return found == by_table_.end() ? none : found->second;
  }
  [[nodiscard]] size_t size() const noexcept {
    size_t out = 0;
    for (const auto& each : by_table_)
      out += each.second.size();
    return out;
  }

private:
  std::map<std::string, subscribers> by_table_;
};

} // namespace millrace::nodes::kdb
