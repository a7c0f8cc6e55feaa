#include <millrace/actors/rt/sequence/sequencer_core.hpp>

#include <algorithm>

// Who writes an origin, as a sequencer_core knows it.

namespace millrace::rt {

uint64_t sequencer_core::epoch_of(const std::string& origin) const {
  if (!merge_)
    return 0;
  const auto& claims = merge_->state().claims;
  const auto found = claims.find(origin);
  return found == claims.end() ? 0 : found->second.epoch;
}

sequencer_core::standing_type
sequencer_core::standing_of(const std::string& origin, const input_name& name,
                            uint64_t life) const {
  if (!merge_ || input_of(name) == nullptr)
    return standing_type::none;
  const auto& claims = merge_->state().claims;
  const auto found = claims.find(origin);
  if (found == claims.end())
    return standing_type::none;
  const auto number = numbers_.at(name);
  for (const auto& each : found->second.writers)
    if (each.input == number && each.life == life)
      return each.fenced ? standing_type::fenced : standing_type::writes;
  return standing_type::none;
}

std::vector<input_name>
sequencer_core::fenced_by_claim(const std::string& origin,
                                const input_name& by) const {
  std::vector<input_name> out;
  if (!merge_ || is_replicated(origin))
    return out;
  const auto& state = merge_->state();
  const auto found = state.claims.find(origin);
  if (found == state.claims.end())
    return out;
  for (const auto& each : found->second.writers) {
    const auto& input = state.inputs.at(each.input);
    const input_name name{input.directory, input.lineage};
    if (!each.fenced && !input.closed && name != by)
      out.push_back(name);
  }
  return out;
}

bool sequencer_core::is_replicated(const std::string& origin) const {
  const auto& shared = options_.replicated_origins;
  return std::find(shared.begin(), shared.end(), origin) != shared.end();
}

std::vector<std::string>
sequencer_core::writers_of(const std::string& origin) const {
  std::vector<std::string> out;
  if (!merge_)
    return out;
  const auto& state = merge_->state();
  if (const auto found = state.claims.find(origin); found != state.claims.end())
    for (const auto& each : found->second.writers)
      if (const auto& input = state.inputs.at(each.input);
          !each.fenced && !input.closed)
        out.push_back(input.directory);
  return out;
}

error sequencer_core::why_fenced(const std::string& origin,
                                 const std::string& directory) const {
  std::string by;
  for (const auto& each : writers_of(origin))
    by += (by.empty() ? "'" : ", '") + each + "'";
  return {errc::fenced,
          "origin '" + origin + "' of stream '" + options_.stream
            + "': publisher directory " + (by.empty() ? "of another" : by)
            + " writes it since its epoch " + std::to_string(epoch_of(origin))
            + ", and '" + directory
            + "' not any more: stop one of both, or declare it in "
              "replicated_origins of the stream if both publish the same "
              "sequence. What is recorded in '"
            + directory
            + "' and not merged stays there, and is sent when it is published "
              "from again"};
}

error sequencer_core::propose_claim(const std::string& origin,
                                    const input_name& by, uint64_t life) {
  return propose({claim_origin{origin, numbers_.at(by), life, epoch_of(origin),
                               is_replicated(origin)}});
}

void sequencer_core::release(copy_id copy) {
  if (held_back_.erase(copy) != 0)
    unplanned_.insert(copy);
}

} // namespace millrace::rt
