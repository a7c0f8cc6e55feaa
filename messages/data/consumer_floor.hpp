#pragma once

#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <string>

namespace millrace {

/// What a subscription says as a durable consumer: by that name it loses
/// nothing to retention, and its next life goes on where it was. One has the
/// name at a time, the last one that took it.
struct consumer_floor {
  enum step_type : uint8_t {
    asks = 0,   ///< Who has the name, and from where on is the stream kept?
    claims = 1, ///< It takes the name, if nobody did since it asked.
    tells = 2,  ///< What it needs no more.
    leaves = 3, ///< The same, and it ends: agreed on before it is answered.
  };
  std::string consumer;
  step_type step = asks;
  /// Of the stream whose positions it means. Not known: it has not read any.
  lineage_id life;
  uint64_t holder = 0; ///< Drawn by the subscription.
  uint64_t claim = 0;  ///< Its number: one more than that of the one before.
  /// It needs nothing before this; of one that tells, the start: no word.
  position needs_from;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, consumer_floor& x) {
  return f(x.consumer, x.step, x.life, x.holder, x.claim, x.needs_from);
}

/// What the stream has agreed on of a consumer.
struct consumer_facts {
  lineage_id life;       ///< Of the stream.
  bool is_known = false; ///< The stream is kept for it.
  uint64_t claim = 0;    ///< The last one that took the name; 0: nobody did.
  position floor;        ///< From here on the stream is kept.
  /// The process of the one that had the name, if it was there a moment ago.
  std::string taken_from;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, consumer_facts& x) {
  return f(x.life, x.is_known, x.claim, x.floor, x.taken_from);
}

} // namespace millrace
