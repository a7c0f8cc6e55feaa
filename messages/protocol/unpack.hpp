#pragma once

#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace millrace {

/// The chunks of a bundle on their way: some at a time, put in their order.
template <class Self, class Left, class Done, class Fail>
class unpacking
  : public std::enable_shared_from_this<unpacking<Self, Left, Done, Fail>> {
public:
  unpacking(Self* self, bundle what, Left left, Done done, Fail fail)
    : self_{self}, rest_{caf::actor_cast<bundle_source_actor>(what.rest)},
      all_{std::move(what.here)}, first_{all_.size()}, awaited_{what.more},
      left_{std::move(left)}, done_{std::move(done)}, fail_{std::move(fail)} {}

  void begin() {
    all_.resize(first_ + awaited_);
    for (uint64_t i = 0; i < under_way_max; ++i)
      next();
  }

private:
  static constexpr uint64_t under_way_max = 8;

  void next() {
    if (first_ + asked_ == all_.size())
      return;
    const auto number = asked_++;
    self_->request(rest_, left_(), fetch_atom_v, chunk_number{number})
      .then([me = this->shared_from_this(),
             number](const chunk& piece) { me->came(number, piece); },
            [me = this->shared_from_this()](const caf::error& fault) {
              if (!std::exchange(me->failed_, true))
                me->fail_(fault);
            });
  }

  void came(uint64_t number, const chunk& piece) {
    if (failed_)
      return;
    all_[first_ + number] = piece;
    if (--awaited_ == 0)
      done_(std::move(all_));
    else
      next();
  }

  Self* self_;
  bundle_source_actor rest_;
  chunks all_;
  size_t first_;
  uint64_t awaited_;
  uint64_t asked_ = 0;
  bool failed_ = false;
  Left left_;
  Done done_;
  Fail fail_;
};

/// In a handler of `self`: fetches what did not come with a bundle, and calls
/// `done(chunks)` with all of it, or `fail(caf::error)`, once; at once when all
/// of it is here. That its source is lost is for the caller to find out: CAF
/// lets a request to a lost actor wait for its deadline.
/// @param left `() -> caf::timespan`, how long a piece may take
template <class Self, class Left, class Done, class Fail>
void unpack(Self* self, const bundle& what, Left left, Done done, Fail fail) {
  if (what.more == 0)
    return done(chunks{what.here});
  const auto all = std::make_shared<unpacking<Self, Left, Done, Fail>>(
    self, what, std::move(left), std::move(done), std::move(fail));
  all->begin();
}

} // namespace millrace
