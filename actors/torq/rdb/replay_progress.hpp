#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <string>

namespace millrace::torq {

/// How far the RDB is with what its stream held when it subscribed: before that
/// is here, its rows are not an answer. Pure; one owner.
class replay_progress {
public:
  replay_progress() = default;
  /// @param from where the stream is read from
  replay_progress(std::string stream, position from)
    : stream_{std::move(stream)}, from_{from}, awaited_{from} {}

  /// A flow of the stream began; it ended here then.
  void flow(lineage_id life, position end) noexcept;

  /// Of the stream that is followed; not known before the first flow.
  [[nodiscard]] const lineage_id& life() const noexcept { return life_; }
  /// Whether all that was there is here, having come to `at`.
  [[nodiscard]] bool complete(position at) const noexcept {
    return life_.is_known() && at >= awaited_;
  }
  /// Of what has to be read; below 100 until it is complete.
  [[nodiscard]] uint32_t percent(position at) const noexcept;
  /// Why it is not complete; empty: it is.
  [[nodiscard]] std::string standing(position at) const;

private:
  std::string stream_;
  position from_;
  position awaited_;
  lineage_id life_;
};

} // namespace millrace::torq
