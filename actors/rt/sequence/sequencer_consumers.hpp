#pragma once

#include <millrace/actors/rt/archive/told_floors.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::rt {

/// What a SEQUENCER that leads keeps in mind of durable consumers, beside what
/// is agreed on of them.
struct consumer_desk {
  /// What is answered once it is agreed on.
  struct waiting_floor {
    consumer_floor what;
    std::string process;
    std::string taken_from; ///< Where the one runs that has the name so far.
    int64_t until_ns = 0;
    caf::typed_response_promise<consumer_facts> promise;
  };
  struct waiting_forget {
    std::string consumer;
    status_facts report;
    int64_t until_ns = 0;
    caf::typed_response_promise<status_facts> promise;
  };
  told_floors told;
  std::vector<waiting_floor> floors;
  std::vector<waiting_forget> forgets;
  int64_t look_at_ns = 0;
  int64_t register_at_ns = 0; ///< Those of the configuration.
  uint64_t refused = 0; ///< Of those that others replaced, and that were many.
  bool told_full = false;
};

} // namespace millrace::rt
