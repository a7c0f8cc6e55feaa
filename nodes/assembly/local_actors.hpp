#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_control_block.hpp>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::nodes {

/// The named actors of one node. Thread safe.
class local_actors {
public:
  void put(const std::string& name, caf::strong_actor_ptr handle) {
    const std::scoped_lock lock{mutex_};
    handles_[name] = std::move(handle);
  }
  void remove(const std::string& name) {
    const std::scoped_lock lock{mutex_};
    handles_.erase(name);
  }
  /// Unless another one has the name by now.
  void remove(const std::string& name, const caf::actor_addr& handle) {
    const std::scoped_lock lock{mutex_};
    const auto found = handles_.find(name);
    if (found != handles_.end() && handle == found->second)
      handles_.erase(found);
  }
  /// Null when there is none.
  [[nodiscard]] caf::strong_actor_ptr find(const std::string& name) const {
    const std::scoped_lock lock{mutex_};
    const auto found = handles_.find(name);
    return found == handles_.end() ? nullptr : found->second;
  }
  [[nodiscard]] std::map<std::string, caf::strong_actor_ptr> all() const {
    const std::scoped_lock lock{mutex_};
    return handles_;
  }
  void clear() {
    const std::scoped_lock lock{mutex_};
    handles_.clear();
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, caf::strong_actor_ptr> handles_;
};

} // namespace millrace::nodes
