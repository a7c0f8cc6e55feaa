#include <millrace/nodes/node/quiet_clock.hpp>

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>

#include <memory>
#include <utility>

namespace millrace::nodes {

using caf::actor_cast;
using caf::strong_actor_ptr;

quiet_clock::~quiet_clock() = default;

template <class Timer, class... Ts>
void quiet_clock::tell_timer(time_point due, Ts&&... of) {
  if (due - now() > far_off) {
    const auto past = due.time_since_epoch() % grid;
    if (past.count() > 0)
      due += grid - past;
  }
  tell(std::make_unique<Timer>(due, std::forward<Ts>(of)...), due);
}

void quiet_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                                       caf::atom_value type, uint64_t id) {
  tell_timer<ordinary_timeout>(t, actor_cast<strong_actor_ptr>(self), type, id);
}

void quiet_clock::set_request_timeout(time_point t, caf::abstract_actor* self,
                                      caf::message_id id) {
  tell_timer<request_timeout>(t, actor_cast<strong_actor_ptr>(self), id);
}

void quiet_clock::set_multi_timeout(time_point t, caf::abstract_actor* self,
                                    caf::atom_value type, uint64_t id) {
  tell_timer<multi_timeout>(t, actor_cast<strong_actor_ptr>(self), type, id);
}

void quiet_clock::cancel_ordinary_timeout(caf::abstract_actor* self,
                                          caf::atom_value type) {
  tell(std::make_unique<ordinary_timeout_cancellation>(self->id(), type), {});
}

void quiet_clock::cancel_request_timeout(caf::abstract_actor* self,
                                         caf::message_id id) {
  tell(std::make_unique<request_timeout_cancellation>(self->id(), id), {});
}

void quiet_clock::cancel_timeouts(caf::abstract_actor* self) {
  tell(std::make_unique<timeouts_cancellation>(self->id()), {});
}

void quiet_clock::schedule_message(time_point t, strong_actor_ptr receiver,
                                   caf::mailbox_element_ptr content) {
  tell_timer<actor_msg>(t, std::move(receiver), std::move(content));
}

void quiet_clock::schedule_message(time_point t, caf::group target,
                                   strong_actor_ptr sender,
                                   caf::message content) {
  tell_timer<group_msg>(t, std::move(target), std::move(sender),
                        std::move(content));
}

void quiet_clock::cancel_all() { tell(std::make_unique<drop_all>(), {}); }

void quiet_clock::tell(unique_event_ptr what, std::optional<time_point> due) {
  {
    const std::scoped_lock lock{mutex_};
    told_.push_back(std::move(what));
    if ((!due || *due >= sleeps_until_) && told_.size() < untold_max)
      return;
    sleeps_until_ = time_point::min();
  }
  news_.notify_one();
}

void quiet_clock::take(unique_event_ptr what) {
  const auto timer = [&](auto* as) {
    std::ignore = what.release();
    add_schedule_entry(
      std::unique_ptr<std::remove_pointer_t<decltype(as)>>{as});
  };
  switch (what->subtype) {
    case ordinary_timeout_type:
      return timer(static_cast<ordinary_timeout*>(what.get()));
    case multi_timeout_type:
      return timer(static_cast<multi_timeout*>(what.get()));
    case request_timeout_type:
      return timer(static_cast<request_timeout*>(what.get()));
    case actor_msg_type:
      return timer(static_cast<actor_msg*>(what.get()));
    case group_msg_type:
      return timer(static_cast<group_msg*>(what.get()));
    case ordinary_timeout_cancellation_type:
      return handle(static_cast<ordinary_timeout_cancellation&>(*what));
    case request_timeout_cancellation_type:
      return handle(static_cast<request_timeout_cancellation&>(*what));
    case timeouts_cancellation_type:
      return handle(static_cast<timeouts_cancellation&>(*what));
    default:
      schedule_.clear();
      actor_lookup_.clear();
  }
}

void quiet_clock::run() {
  std::vector<unique_event_ptr> news;
  std::unique_lock lock{mutex_};
  while (!ends_) {
    std::swap(news, told_);
    lock.unlock();
    for (auto& each : news)
      take(std::move(each));
    news.clear();
    trigger_expired_timeouts();
    const auto next
      = schedule_.empty() ? time_point::max() : schedule_.begin()->first;
    lock.lock();
    if (!told_.empty() || ends_)
      continue;
    sleeps_until_ = next;
    const auto is_news = [&] { return ends_ || sleeps_until_ != next; };
    if (next == time_point::max())
      news_.wait(lock, is_news);
    else
      news_.wait_until(lock, next, is_news);
    sleeps_until_ = time_point::min();
    ++wakes_;
  }
}

void quiet_clock::end() {
  {
    const std::scoped_lock lock{mutex_};
    ends_ = true;
  }
  news_.notify_one();
}

uint64_t quiet_clock::wakes() const {
  const std::scoped_lock lock{mutex_};
  return wakes_;
}

} // namespace millrace::nodes
