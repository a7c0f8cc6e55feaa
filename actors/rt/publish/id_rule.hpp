#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/id_policy.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::rt {

/// Which id a message of an origin may have, by the policy of its stream. One
/// origin, the publisher's own, is the hot one.
class id_rule {
public:
  /// @param last_ids last id of each origin that the log knows.
  /// @param replays what RT has may come again: the first id of this life may
  ///   be any that is not newer than the last one. Others publish the same
  ///   sequence: where ids are `strict`, it may be none that leaves some out
  ///   which nobody has published yet, for they would be dropped then.
  /// @param first of a sequence that is replayed, the first id
  id_rule(std::string own_origin,
          const std::map<std::string, int64_t>& last_ids, id_policy policy,
          bool replays = false, int64_t first = 1);

  /// The id of the next message: `id` if it follows, the next one if it is
  /// null. `bad_id` names both ids; so does `id_behind`, where RT has merged
  /// one of the own origin that is as new.
  [[nodiscard]] result<int64_t> next(std::string_view origin, int64_t id) const;
  /// A message of this id was appended.
  void took(std::string_view origin, int64_t id);

  /// Of an origin; 0: none yet.
  [[nodiscard]] int64_t last_id(std::string_view origin) const;
  /// Of the own origin; 0: none yet.
  [[nodiscard]] int64_t last_id() const noexcept { return own_last_; }
  void set_last_id(int64_t id) noexcept { own_last_ = id; }
  /// RT has merged so far of the own origin; 0: nothing.
  void set_merged(int64_t id) noexcept { merged_ = id; }

  [[nodiscard]] id_policy policy() const noexcept { return policy_; }
  /// As the stream was agreed on.
  void set_policy(id_policy policy) noexcept { policy_ = policy; }

private:
  [[nodiscard]] std::optional<int64_t> left_out_by(int64_t id) const;

  std::string own_;
  id_policy policy_;
  bool replays_;
  int64_t first_;
  bool took_own_ = false; ///< One of the own origin, in this life.
  int64_t merged_ = 0;
  int64_t own_last_ = 0;
  std::map<std::string, int64_t, std::less<>> others_;
};

} // namespace millrace::rt
