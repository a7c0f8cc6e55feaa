#pragma once

#include <millrace/actors/rt/sequence/claim_wait.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

/// One that was fenced, while it is connected: it may wait for responses.
struct fenced_publisher {
  std::string origin;
  pusher_actor pusher;
};

/// What a SEQUENCER remembers of publishers that want to write an origin, while
/// its node leads, and of those that may not any more.
struct pending_claims {
  struct claim {
    input_offer what;
    claim_wait wait;
    bool proposed = false;
    std::vector<caf::typed_response_promise<flow_grant>> promises;
  };
  std::map<std::string, claim> by_origin;
  uint64_t fences = 0; ///< That this node told, in this life,
  /// and of whom: lives of publishers, by the copies of their logs.
  std::set<std::pair<copy_id, uint64_t>> told;
  std::vector<fenced_publisher> fenced;
  int64_t look_at_ns = 0;
};

} // namespace millrace::rt
