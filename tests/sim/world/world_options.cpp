#include <millrace/sim/world/world_options.hpp>

namespace millrace::sim {

std::string flaw_of(const link_delay& how) {
  if (how.min.count() < 0)
    return "a message cannot travel for less than no time";
  if (how.min > how.max)
    return "a message cannot travel for " + std::to_string(how.min.count())
           + " ns at least and " + std::to_string(how.max.count())
           + " ns at most";
  return {};
}

std::string flaw_of(const world_options& options) {
  if (const auto flaw = flaw_of(options.link); !flaw.empty())
    return "link: " + flaw;
  if (options.step_max.count() < 0)
    return "step_max: a step cannot take less than no time";
  if (options.io_max.count() < 0 || options.io_slow_max.count() < 0)
    return "io_max, io_slow_max: a job cannot take less than no time";
  return {};
}

} // namespace millrace::sim
