#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <memory>
#include <utility>
#include <vector>

// Responses of consumers on their way to the publisher of the message: it is
// connected to this node, or to another one of the stream.

namespace millrace::rt {

/// Who is asked, one after the other, until one takes the response.
struct sequencer_state::response_way {
  message_response what;
  caf::typed_response_promise<bool> promise;
  std::vector<pusher_actor> publishers;
  std::vector<sequencer_actor> peers; ///< When no publisher took it.
  error why;                          ///< What the last one said.
  bool is_taken
    = false; ///< By one; writers of a replicated origin may all wait.
};

caf::result<bool> sequencer_state::respond(const message_response& what) {
  if (what.payload.size() > response_bytes_max)
    return to_caf({errc::oversize, "a response of "
                                     + std::to_string(what.payload.size())
                                     + " bytes, at most "
                                     + std::to_string(response_bytes_max)});
  auto way = std::make_shared<response_way>();
  way->what = what;
  way->what.passed_on = true;
  way->promise = self->make_response_promise<bool>();
  for (const auto& [flow, each] : publishers)
    if (each.origin == what.on)
      way->publishers.push_back(each.pusher);
  // Who was fenced may wait for a response to what it asked before.
  for (const auto& each : waiting_claims.fenced)
    if (each.origin == what.on)
      way->publishers.push_back(each.pusher);
  if (!what.passed_on)
    for (const auto& peer : peers->all())
      if (peer.handle)
        way->peers.push_back(peer.handle);
  way->why = {errc::unavailable, "stream '" + core->options().stream
                                   + "': no publisher of origin '" + what.on
                                   + "' is connected"};
  pass_on(way);
  return way->promise;
}

void sequencer_state::pass_on(const std::shared_ptr<response_way>& way) {
  // Who does not answer may have gone.
  constexpr auto deadline = std::chrono::seconds{1};
  const auto taken = [this, way](bool) {
    way->is_taken = true;
    pass_on(way);
  };
  const auto refused = [this, way](const caf::error& fault) {
    auto why = from_caf(fault);
    // That nobody is connected there says less than what a publisher said.
    if (why.code != errc::unavailable)
      way->why = std::move(why);
    pass_on(way);
  };
  if (!way->publishers.empty()) {
    const auto next = std::move(way->publishers.back());
    way->publishers.pop_back();
    self->request(next, caf::timespan{deadline}, respond_atom_v, way->what)
      .then(taken, refused);
  } else if (way->is_taken) {
    way->promise.deliver(true);
  } else if (!way->peers.empty()) {
    const auto next = std::move(way->peers.back());
    way->peers.pop_back();
    self->request(next, caf::timespan{deadline}, respond_atom_v, way->what)
      .then(taken, refused);
  } else {
    way->promise.deliver(to_caf(way->why));
  }
}

} // namespace millrace::rt
