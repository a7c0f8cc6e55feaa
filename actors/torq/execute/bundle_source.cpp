#include <millrace/actors/torq/execute/bundle_source.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/actor_cast.hpp>

#include <string>

namespace millrace::torq {

bundle_source_actor::behavior_type
bundle_source(bundle_source_actor::stateful_pointer<bundle_source_state> self,
              chunks rest, const caf::actor_addr& asker,
              std::shared_ptr<query::memory_account> memory) {
  self->state.memory = std::move(memory);
  self->state.kept = rest.size();
  self->state.rest = std::move(rest);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  if (const auto who = caf::actor_cast<caf::strong_actor_ptr>(asker))
    self->monitor(who);
  else
    self->quit();
  return {
    [self](fetch_atom, chunk_number which) -> caf::result<chunk> {
      auto& state = self->state;
      const auto number = which.value;
      if (number >= state.rest.size() || state.rest[number].size() == 0)
        return to_caf({errc::not_found, "a result has no chunk of number "
                                          + std::to_string(number)
                                          + ", or it was fetched before"});
      auto piece = std::exchange(state.rest[number], chunk{});
      if (--state.kept == 0)
        self->quit();
      return piece;
    },
  };
}

} // namespace millrace::torq
