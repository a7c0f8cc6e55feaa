#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/query/execution/memory_account.hpp>

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include <memory>
#include <utility>

namespace millrace::torq {

/// State of the BUNDLE SOURCE.
struct bundle_source_state {
  static constexpr const char* name = "bundle-source";

  chunks rest; ///< Empty ones are fetched.
  uint64_t kept = 0;
  /// Whose memory they are; may be null.
  std::shared_ptr<query::memory_account> memory;
};

/// @param asker fetches the chunks; it is over when that is gone
bundle_source_actor::behavior_type
bundle_source(bundle_source_actor::stateful_pointer<bundle_source_state> self,
              chunks rest, const caf::actor_addr& asker,
              std::shared_ptr<query::memory_account> memory);

/// In a handler: a result as one message carries it, for this asker. What does
/// not fit is kept, by an actor of its own, until it is fetched, and its memory
/// with it.
template <class Self>
[[nodiscard]] bundle
bundle_of(Self* self, const chunks& all, const caf::actor_addr& asker,
          std::shared_ptr<query::memory_account> memory = nullptr) {
  bundle out;
  uint64_t bytes = 0;
  auto from = all.begin();
  for (; from != all.end() && bytes + from->size() <= bundle::bytes_max; ++from)
    bytes += from->size();
  out.here.assign(all.begin(), from);
  if (from == all.end())
    return out;
  out.more = static_cast<uint64_t>(all.end() - from);
  out.rest = caf::actor_cast<caf::strong_actor_ptr>(self->spawn(
    bundle_source, chunks(from, all.end()), asker, std::move(memory)));
  return out;
}

} // namespace millrace::torq
