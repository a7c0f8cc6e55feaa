#pragma once

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <memory>
#include <vector>

namespace millrace {

/// The actors that must not outlive their parent, however it ends: a killed
/// parent runs no code of its own, so this hangs on its exit.
class brood {
public:
  /// Call once, in the parent's behavior function.
  template <class Self>
  void attach(Self* parent) {
    parent->attach_functor([children = children_] {
      for (const auto& child : *children)
        if (auto handle = caf::actor_cast<caf::actor>(child))
          caf::anon_send_exit(handle, caf::exit_reason::kill);
    });
  }

  template <class Handle>
  void add(const Handle& child) {
    std::erase_if(*children_, [](const caf::actor_addr& old) {
      return caf::actor_cast<caf::actor>(old) == nullptr;
    });
    children_->push_back(child.address());
  }

private:
  std::shared_ptr<std::vector<caf::actor_addr>> children_
    = std::make_shared<std::vector<caf::actor_addr>>();
};

} // namespace millrace
