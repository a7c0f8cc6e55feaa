#pragma once

#include <millrace/messages/data/answer.hpp>

#include <caf/actor_control_block.hpp>
#include <caf/meta/type_name.hpp>

#include <cstdint>

namespace millrace {

/// A result, as one message carries it: a message of some hundred MB would keep
/// all others of its connection waiting for longer than a connection may be
/// silent. See `bundle_of` and `unpack`.
struct bundle {
  static constexpr uint64_t bytes_max = 1u << 20; ///< Of `here`.

  chunks here;                ///< The first ones, of `bytes_max` in all.
  uint64_t more = 0;          ///< So many follow.
  caf::strong_actor_ptr rest; ///< Their BUNDLE SOURCE; null: none follow.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, bundle& x) {
  return f(caf::meta::type_name("bundle"), x.here, x.more, x.rest);
}

} // namespace millrace
