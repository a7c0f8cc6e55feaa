#include <millrace/actors/rt/publish/id_rule.hpp>
#include <millrace/messages/data/header.hpp>

namespace millrace::rt {

id_rule::id_rule(std::string own_origin,
                 const std::map<std::string, int64_t>& last_ids)
  : own_{std::move(own_origin)} {
  for (const auto& [origin, id] : last_ids)
    took(origin, id);
}

int64_t id_rule::last_id(std::string_view origin) const {
  if (origin == own_)
    return own_last_;
  const auto found = others_.find(origin);
  return found == others_.end() ? 0 : found->second;
}

result<int64_t> id_rule::next(std::string_view origin, int64_t id) const {
  const auto last = last_id(origin);
  const auto expected = magnitude(last) + 1;
  if (id == null_long)
    return static_cast<int64_t>(expected);
  if (id == 0)
    return error{errc::bad_id, "origin '" + std::string{origin}
                                 + "': id 0 after " + std::to_string(last)};
  if (last != 0 && magnitude(id) != expected)
    return error{errc::bad_id, "origin '" + std::string{origin} + "': id "
                                 + std::to_string(id) + " does not follow "
                                 + std::to_string(last) + "; expected "
                                 + std::to_string(expected) + " or -"
                                 + std::to_string(expected)};
  return id;
}

void id_rule::took(std::string_view origin, int64_t id) {
  if (origin == own_)
    own_last_ = id;
  else if (const auto found = others_.find(origin); found != others_.end())
    found->second = id;
  else
    others_.emplace(std::string{origin}, id);
}

} // namespace millrace::rt
