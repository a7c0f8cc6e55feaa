#include <millrace/nodes/client/read_stream.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// A stream that is read without a word for so long is not read to its end.
constexpr auto silence_max = 10s;

/// What the thread that waits and the callbacks share.
struct reading {
  std::mutex mutex;
  std::condition_variable changed;
  rt::subscription_handlers on;
  position end;
  uint64_t steps = 0;
  bool over = false; ///< The end came, or nobody waits any more.
  error fault;

  void step(position reached) {
    ++steps;
    over = reached >= end;
    changed.notify_all();
  }
};

rt::subscription_handlers handlers_of(const std::shared_ptr<reading>& into) {
  rt::subscription_handlers on;
  on.on_message = [into](const rt::message& message, position at) {
    const std::scoped_lock held{into->mutex};
    if (into->over)
      return;
    into->on.on_message(message, at);
    into->step(at);
  };
  on.on_event = [into](const stream_event& event) {
    const std::scoped_lock held{into->mutex};
    if (into->over)
      return;
    into->on.on_event(event);
    into->step(event.to);
  };
  on.on_batch_end = [into](position reached) {
    const std::scoped_lock held{into->mutex};
    if (!into->over)
      into->step(reached);
  };
  on.on_failure = [into](const error& why) {
    const std::scoped_lock held{into->mutex};
    into->fault = why;
    into->changed.notify_all();
  };
  return on;
}

} // namespace

error read_to_end(runtime& host, const std::string& stream, position end,
                  const rt::subscription_handlers& on, subscribe_options how) {
  if (end == position{})
    return {};
  auto state = std::make_shared<reading>();
  state->on = on;
  state->end = end;
  how.control = std::make_shared<rt::subscription>(stream);
  const auto running = host.subscribe(stream, handlers_of(state), how);
  if (!running)
    return running.failure();
  error fault;
  {
    std::unique_lock lock{state->mutex};
    for (auto seen = state->steps; !state->over && !state->fault;
         seen = state->steps) {
      const auto goes_on
        = [&] { return state->over || state->fault || state->steps != seen; };
      if (!state->changed.wait_for(lock, silence_max, goes_on))
        state->fault = {errc::timeout, "stream '" + stream
                                         + "': it cannot be read up to its end "
                                         + to_string(end) + " now"};
    }
    state->over = true;
    fault = state->fault;
  }
  how.control->unsubscribe();
  return fault;
}

} // namespace millrace::nodes
