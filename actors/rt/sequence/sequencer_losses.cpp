#include <millrace/actors/rt/sequence/sequencer_core.hpp>

#include <utility>

// What a sequencer_core writes into its ledger.

namespace millrace::rt {

error sequencer_core::note_loss(loss what) {
  what.time_ns = env_->clock->now_ns();
  what.life = life();
  unwritten_losses_.push_back(std::move(what));
  auto fault = write_losses();
  return fault.code == errc::no_space ? error{} : fault;
}

error sequencer_core::write_losses() {
  while (!unwritten_losses_.empty()) {
    if (auto fault = ledger_->add(unwritten_losses_.front()))
      return fault;
    unwritten_losses_.erase(unwritten_losses_.begin());
  }
  return {};
}

error sequencer_core::note_losses(const std::vector<merge_effect>& facts) {
  for (const auto& fact : facts) {
    loss what;
    if (const auto* merged = std::get_if<event_merged>(&fact)) {
      const auto& event = merged->event;
      if (event.kind == event_kind::schema)
        continue;
      what.kind = to_string(event.kind);
      what.from = event.from;
      what.to = event.to;
      what.origin = event.origin;
      what.first_id = event.first_id;
      what.last_id = event.last_id;
      what.cause = event.cause;
    } else if (const auto* cut = std::get_if<log_cut>(&fact)) {
      what.kind = "pruned";
      what.from = cut->from;
      what.to = cut->to;
      what.cause = "the files before it were let go";
    } else {
      continue;
    }
    if (auto fault = note_loss(std::move(what)))
      return fault;
  }
  return {};
}

} // namespace millrace::rt
