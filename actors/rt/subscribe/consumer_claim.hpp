#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/consumer_floor.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::rt {

/// How a subscription comes to be a durable consumer, and stays it: it asks who
/// has the name, takes it, and tells what it needs no more; once another one
/// has the name it has lost it for good. One question at a time. What is asked
/// again and arrives late takes no name from anybody: it names the claim that
/// it saw. Pure; one owner.
class consumer_claim {
public:
  consumer_claim() = default; ///< Of no consumer.
  /// @param holder a random number, of this subscription alone
  consumer_claim(std::string consumer, uint64_t holder)
    : consumer_{std::move(consumer)}, holder_{holder} {}

  [[nodiscard]] bool is_wanted() const noexcept { return !consumer_.empty(); }
  /// It has the name, as far as it knows.
  [[nodiscard]] bool has_name() const noexcept { return stands_ == held; }
  /// It is on its way to the name.
  [[nodiscard]] bool wants_name() const noexcept {
    return is_wanted() && (stands_ == unknown || stands_ == seen);
  }
  /// Another one has the name, or the consumer was forgotten.
  [[nodiscard]] bool is_replaced() const noexcept { return stands_ == lost; }
  [[nodiscard]] const std::string& name() const noexcept { return consumer_; }
  /// From where on the stream is kept, as it was agreed on last.
  [[nodiscard]] position floor() const noexcept { return facts_.floor; }
  /// Of the stream, as it answered last.
  [[nodiscard]] const lineage_id& life() const noexcept { return facts_.life; }
  /// Nobody knew the consumer when this subscription asked.
  [[nodiscard]] bool was_new() const noexcept { return was_new_; }

  /// What is to be said now, at most once per second when it has the name;
  /// none: nothing, or what was said is not answered yet.
  /// @param begins where it is to be kept from, if nobody knows it
  /// @param needs_from it needs nothing before this
  /// @param life of both
  [[nodiscard]] std::optional<consumer_floor>
  next(position begins, std::optional<position> needs_from,
       const lineage_id& life, int64_t now_ns);
  /// The last word, whenever it is; none: it has no name to let go of.
  [[nodiscard]] std::optional<consumer_floor>
  last(std::optional<position> needs_from, const lineage_id& life);

  /// @returns whether it has the name since that.
  bool answered(const consumer_facts& facts);
  /// @returns whether asking again is of no use.
  bool refused(const error& why);
  /// The stream began another life: it knows no consumer of the one before.
  void begin_life();

private:
  enum state_type : uint8_t { unknown, seen, held, lost };
  [[nodiscard]] consumer_floor said(consumer_floor::step_type step,
                                    position needs_from,
                                    const lineage_id& life) const;

  std::string consumer_;
  uint64_t holder_ = 0;
  state_type stands_ = unknown;
  uint64_t claim_ = 0; ///< That it has, or wants.
  bool asked_ = false; ///< And not answered.
  bool was_new_ = false;
  int64_t next_at_ns_ = 0;
  consumer_facts facts_;
};

} // namespace millrace::rt
