#include <millrace/actors/rt/subscribe/subscriber.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <map>
#include <mutex>
#include <utility>

// What callbacks answer to messages, on its way to RT.

namespace millrace::rt {

/// Given by any thread, and not settled yet. Thread safe.
class subscriber_state::given_answers {
public:
  static constexpr size_t count_max = 65'536;
  static constexpr uint64_t bytes_max = uint64_t{64} << 20;

  /// @returns whether it is the first that waits to be sent
  result<bool> add(message_answer what) {
    const std::scoped_lock lock{mutex_};
    if (told_.size() >= count_max || bytes_ + what.payload.size() > bytes_max)
      return error{errc::busy, std::to_string(told_.size()) + " answers of "
                                 + std::to_string(bytes_)
                                 + " bytes are on their way"};
    bytes_ += what.payload.size();
    told_.emplace(++last_,
                  open_answer{what.payload.size(), std::move(what.told)});
    waiting_.emplace_back(last_, std::move(what));
    return waiting_.size() == 1;
  }
  /// Those to be sent, with their numbers.
  std::vector<std::pair<uint64_t, message_answer>> take() {
    const std::scoped_lock lock{mutex_};
    return std::exchange(waiting_, {});
  }
  void settle(uint64_t number, const error& why) {
    auto done = [&] {
      const std::scoped_lock lock{mutex_};
      auto found = told_.extract(number);
      bytes_ -= found.mapped().size;
      return std::move(found.mapped().told);
    }();
    if (done)
      done(why);
  }
  void settle_all(const error& why) {
    (void)take();
    auto all = [&] {
      const std::scoped_lock lock{mutex_};
      bytes_ = 0;
      return std::exchange(told_, {});
    }();
    for (auto& [number, each] : all)
      if (each.told)
        each.told(why);
  }

private:
  struct open_answer {
    size_t size = 0;
    std::function<void(const error&)> told;
  };
  std::mutex mutex_;
  uint64_t last_ = 0;
  uint64_t bytes_ = 0;
  std::map<uint64_t, open_answer> told_; ///< Not settled, by number.
  std::vector<std::pair<uint64_t, message_answer>> waiting_;
};

namespace {

constexpr auto answer_deadline = std::chrono::seconds{3};

} // namespace

/// A local journal has nobody who carries them.
void subscriber_state::carry_answers() {
  if (options.topic.starts_with('/'))
    return;
  answers = std::make_shared<given_answers>();
  control->carry_answers(
    [given = answers, me = caf::actor_cast<caf::weak_actor_ptr>(
                        self->address())](message_answer what) -> error {
      const auto alone = given->add(std::move(what));
      if (!alone)
        return alone.failure();
      const auto alive = me.lock();
      if (*alone && alive)
        caf::anon_send(caf::actor_cast<subscriber_self_actor>(alive),
                       respond_atom_v);
      return {};
    },
    [world = env] { return world->clock->now_ns(); });
  // No handler runs any more.
  self->attach_functor([to = control, given = answers] {
    to->carry_answers({});
    given->settle_all({errc::closed, "the subscription ended"});
  });
}

void subscriber_state::send_answers() {
  for (auto& [number, each] : answers->take()) {
    const auto told = [this, number = number](const error& why) {
      ++(why ? answers_refused : answers_taken);
      answers->settle(number, why);
    };
    if (!rt) {
      told({errc::unavailable,
            "stream '" + options.topic + "': no RT node is connected"});
      continue;
    }
    self
      ->request(rt, caf::timespan{answer_deadline}, respond_atom_v,
                message_response{std::move(each.on), each.id,
                                 chunk::copy_of(each.payload), false})
      .then([told](bool) { told({}); },
            [told](const caf::error& fault) { told(from_caf(fault)); });
  }
}

} // namespace millrace::rt
