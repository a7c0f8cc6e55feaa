#include <millrace/actors/rt/publish/id_rule.hpp>

namespace millrace::rt {

id_rule::id_rule(std::string own_origin,
                 const std::map<std::string, int64_t>& last_ids,
                 id_policy policy, bool replays, int64_t first)
  : own_{std::move(own_origin)}, policy_{policy}, replays_{replays}, first_{
                                                                       first} {
  for (const auto& [origin, id] : last_ids)
    took(origin, id);
  took_own_ = false;
}

int64_t id_rule::last_id(std::string_view origin) const {
  if (origin == own_)
    return own_last_;
  const auto found = others_.find(origin);
  return found == others_.end() ? 0 : found->second;
}

namespace {

error refused_id(std::string_view origin, const std::string& what) {
  return {errc::bad_id, "origin '" + std::string{origin} + "': " + what};
}

} // namespace

/// The first one that nobody has published; none: it leaves none out.
std::optional<int64_t> id_rule::left_out_by(int64_t id) const {
  if (policy_ != id_policy::strict)
    return std::nullopt;
  const auto known
    = is_newer_id(policy_, own_last_, merged_) ? own_last_ : merged_;
  const auto next
    = known == 0 ? std::optional{first_} : next_id(policy_, known);
  return next && is_newer_id(policy_, id, *next) ? next : std::nullopt;
}

result<int64_t> id_rule::next(std::string_view origin, int64_t id) const {
  const auto last = last_id(origin);
  const auto expected = next_id(policy_, last);
  if (id == null_long) {
    if (!expected)
      return refused_id(origin, "no id follows " + std::to_string(last)
                                  + ", the last there is");
    return *expected;
  }
  const bool own = origin == own_;
  if (own && !replays_ && merged_ != 0 && id != 0
      && !is_newer_id(policy_, id, merged_))
    return error{errc::id_behind,
                 "origin '" + own_ + "': id " + std::to_string(id)
                   + " is not newer than " + std::to_string(merged_)
                   + ", which is merged: go on after that, or open the "
                     "publisher with replay where it publishes again what may "
                     "be merged, which is dropped then"};
  if (own && replays_ && !took_own_ && id != 0)
    if (const auto missing = left_out_by(id))
      return refused_id(origin,
                        "id " + std::to_string(id) + " leaves out those from "
                          + std::to_string(*missing)
                          + " on, which nobody has published: they would be "
                            "dropped when others publish them; begin with that "
                            "one, or an earlier one");
  // Others may have published what is missing here.
  const bool again = own && replays_ && !took_own_ && id != 0
                     && (!is_newer_id(policy_, id, last)
                         || (merged_ != 0
                             && (!is_newer_id(policy_, id, merged_)
                                 || id_follows(policy_, id, merged_))));
  if (again || id_follows(policy_, id, last))
    return id;
  const auto both
    = "id " + std::to_string(id) + " does not follow " + std::to_string(last);
  if (id == 0)
    return refused_id(origin, "id 0 after " + std::to_string(last)
                                + ": it names no message");
  if (policy_ == id_policy::monotonic)
    return refused_id(origin, both + ": ids of this stream only rise");
  if (!expected)
    return refused_id(origin, both + ", the last there is");
  return refused_id(origin, both + "; expected " + std::to_string(*expected)
                              + " or -" + std::to_string(*expected));
}

void id_rule::took(std::string_view origin, int64_t id) {
  if (origin == own_) {
    own_last_ = id;
    took_own_ = true;
  } else if (const auto found = others_.find(origin); found != others_.end()) {
    found->second = id;
  } else {
    others_.emplace(std::string{origin}, id);
  }
}

} // namespace millrace::rt
