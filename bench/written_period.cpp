#include <millrace/actors/torq/rdb/write_down.hpp>
#include <millrace/bench/written_period.hpp>

#include <future>
#include <memory>
#include <utility>

namespace millrace::bench {

error write_period(persistence::env& env, const std::string& directory,
                   persistence::period_request what) {
  // Shared: it may still be telling when the wait is over.
  auto done = std::make_shared<std::promise<error>>();
  torq::write_down::start(
    env, directory, [] { return false; }, std::move(what),
    [done](manifest_version, const error& fault) { done->set_value(fault); });
  return done->get_future().get();
}

} // namespace millrace::bench
