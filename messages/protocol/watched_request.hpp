#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>

#include <cstdint>

namespace millrace {

/// A request that its actor has under way to an actor that may be of another
/// process, until it is answered or that one is lost: CAF lets a request to a
/// lost actor wait for its deadline. One at a time; one owner, which passes its
/// down messages to `lost`.
class watched_request {
public:
  /// Before the request is sent; an earlier one is not waited for any more.
  /// @returns the number to know its answer by.
  template <class Self, class Handle>
  [[nodiscard]] uint64_t begin(Self* self, const Handle& to) {
    end(self);
    who_ = to.address();
    self->monitor(to);
    return ++number_;
  }
  /// An answer or a failure came. @returns whether it was waited for.
  template <class Self>
  [[nodiscard]] bool settle(Self* self, uint64_t number) {
    if (!who_ || number != number_)
      return false;
    end(self);
    return true;
  }
  /// An actor is gone. @returns whether its answer was waited for.
  template <class Self>
  [[nodiscard]] bool lost(Self* self, const caf::actor_addr& who) {
    if (!who_ || who_ != who)
      return false;
    end(self);
    return true;
  }
  /// Nobody waits any more.
  template <class Self>
  void end(Self* self) {
    if (who_)
      self->demonitor(who_);
    who_ = nullptr;
  }

private:
  caf::actor_addr who_;
  uint64_t number_ = 0;
};

} // namespace millrace
