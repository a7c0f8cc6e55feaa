#include <millrace/actors/rt/sequence/slow_lead.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

bool slow_lead::quicker(const other& one, int64_t own_ns) const {
  return one.sync_ns && *one.sync_ns <= slow_ns_ && *one.sync_ns <= own_ns / 2;
}

slow_lead::verdict slow_lead::judge(const facts& now, int64_t now_ns) {
  if (!now.leads)
    leads_since_ns_.reset();
  else if (!leads_since_ns_)
    leads_since_ns_ = now_ns;
  const bool behind = now.sync_ns && *now.sync_ns > slow_ns_
                      && std::any_of(now.others.begin(), now.others.end(),
                                     [&](const other& each) {
                                       return quicker(each, *now.sync_ns);
                                     });
  if (!behind)
    slow_since_ns_.reset();
  else if (!slow_since_ns_)
    slow_since_ns_ = now_ns;
  if (!slow_since_ns_ || now_ns - *slow_since_ns_ < patience_ns)
    return {};
  verdict out{true, std::nullopt};
  if (!leads_since_ns_ || now_ns - *leads_since_ns_ < settled_ns
      || (handed_over_ns_ && now_ns - *handed_over_ns_ < again_ns))
    return out;
  const other* best = nullptr;
  for (const auto& each : now.others)
    if (quicker(each, *now.sync_ns) && each.heard && each.durable >= now.durable
        && (best == nullptr
            || std::pair{each.durable, -*each.sync_ns}
                 > std::pair{best->durable, -*best->sync_ns}))
      best = &each;
  if (best == nullptr)
    return out;
  out.to = best->who;
  handed_over_ns_ = now_ns;
  ++hand_overs_;
  return out;
}

} // namespace millrace::rt
