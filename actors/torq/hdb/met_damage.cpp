#include <millrace/actors/torq/hdb/met_damage.hpp>

namespace millrace::torq {

bool met_damage::is_news(const error& fault) {
  if (fault.code != errc::corrupt && fault.code != errc::storage_failed)
    return false;
  ++queries_;
  last_ = to_string(fault);
  if (known_.contains(last_))
    return false;
  if (known_.size() < known_max)
    known_.insert(last_);
  return true;
}

} // namespace millrace::torq
