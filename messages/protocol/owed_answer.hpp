#pragma once

#include <millrace/messages/protocol/wire.hpp>

#include <caf/typed_response_promise.hpp>

#include <string>
#include <utility>

namespace millrace {

/// The one answer that an actor gives later, and gives in any case: CAF tells
/// nobody of a response promise that is dropped, so that who asks an actor that
/// ends early waits for ever, with all that its handlers keep. Of an actor's
/// state, whose end is the actor's; of its thread.
template <class... Ts>
class owed_answer {
public:
  using promise_type = caf::typed_response_promise<Ts...>;

  owed_answer() = default;
  owed_answer(const owed_answer&) = delete;
  owed_answer& operator=(const owed_answer&) = delete;
  /// Says `closed` where nothing was given.
  ~owed_answer() {
    if (promise_.pending())
      promise_.deliver(
        to_caf({errc::closed, "what was asked ended before it had an answer"}));
  }

  /// In the handler of what is asked, once. @returns what that returns
  template <class Self>
  [[nodiscard]] promise_type owe(Self* self) {
    promise_ = self->template make_response_promise<Ts...>();
    return promise_;
  }

  /// The answer, or a `caf::error`. A second one is dropped.
  template <class... Given>
  void give(Given&&... given) {
    promise_.deliver(std::forward<Given>(given)...);
  }

private:
  promise_type promise_;
};

} // namespace millrace
