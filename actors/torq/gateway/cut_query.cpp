#include <millrace/actors/torq/gateway/cut_query.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

namespace {

/// A failure of the back end itself, which another one may not have.
bool is_of_backend(const error& fault) {
  return fault.code == errc::unavailable || fault.code == errc::timeout
         || fault.code == errc::backend_lost || fault.code == errc::corrupt
         || fault.code == errc::storage_failed || fault.code == errc::internal;
}

/// A back end's own limit, or what others hold of it: one of its kind may have
/// more. A limit of the question is told by the same word, and is passed there
/// as well.
bool is_limit(const error& fault) {
  return fault.code == errc::overloaded || fault.code == errc::limit_exceeded;
}

/// What lies in a back end is at fault, not that it is away.
bool is_damage(const error& fault) {
  return fault.code == errc::corrupt || fault.code == errc::storage_failed
         || fault.code == errc::internal;
}

template <class Input>
bool is_late(const Input& what, int round) {
  if constexpr (std::is_same_v<Input, cut_query::start>)
    return false;
  else
    return what.round != round;
}

} // namespace

cut_query::cut_query(question asked) : asked_{std::move(asked)} {}

cut_query::effects cut_query::step(input what, int64_t now_ns) {
  effects out;
  std::visit(
    [&](auto& each) {
      if (!over_ && !is_late(each, round_))
        on(each, now_ns, out);
    },
    what);
  return out;
}

void cut_query::on(start&, int64_t, effects& out) {
  if (!asked_.wants_hdb && !asked_.wants_rdb)
    return refuse({errc::unavailable, "table '" + asked_.table
                                        + "': no rdb and no hdb of stream '"
                                        + asked_.stream + "' is known yet"},
                  out);
  plan(out);
}

void cut_query::plan(effects& out) {
  ++round_;
  hdb_.clear();
  rdb_.clear();
  cut_.reset();
  hdb_partial_.reset();
  rdb_partial_.reset();
  held_ = {};
  if (asked_.wants_hdb) {
    choose_hdb(out);
  } else {
    cut_ = partition_cut{};
    hdb_partial_.emplace();
  }
  if (!asked_.wants_rdb)
    rdb_partial_.emplace();
  else if (cut_ && !over_)
    choose_rdb(out);
}

void cut_query::plan_again(const std::string& why, effects& out) {
  if (asked_.is_part)
    return refuse({errc::moved, why}, out);
  // A copy that does not go with what the RDBs hold is none.
  if (is_copy(hdb_)) {
    tried_hdbs_.names.insert(hdb_);
    return plan(out);
  }
  if (++replans_ > replans_max)
    return refuse(
      asked_.wants_hdb
        ? error{errc::moved,
                "the cut moved " + std::to_string(replans_) + " times: " + why}
        : error{errc::unavailable,
                "no hdb is known that serves what was written "
                "down of '"
                  + asked_.table + "': " + why},
      out);
  // What was announced does not hold any more: the next answer tells.
  for (auto& each : asked_.hdbs)
    each.announced.reset();
  plan(out);
}

bool cut_query::goes_too_far(position cutover, effects& out) {
  if (cutover <= asked_.upto || cutover == unread_cutover)
    return false;
  refuse({asked_.as_asked ? errc::before_cutover : errc::moved,
          hdb_ + " accounts for rows up to " + to_string(cutover)
            + ", and what is asked ends at " + to_string(asked_.upto)},
         out);
  return true;
}

void cut_query::choose_hdb(effects& out) {
  for (const auto& each : asked_.hdbs) {
    if (tried_hdbs_.names.contains(each.name))
      continue;
    if (!each.copy_in.empty()) {
      const bool fits
        = cut_ && each.announced && each.announced->cutover == cut_->cutover;
      if (!tried_hdbs_.damage || (!fits && asked_.is_part))
        continue;
      if (!fits)
        leave_cut();
    }
    hdb_ = each.name;
    out.hdb = ask_hdb{each.name, std::nullopt};
    if (!cut_)
      cut_ = each.announced;
    if (!cut_ || goes_too_far(cut_->cutover, out))
      return;
    // Another HDB may count its versions differently.
    const bool same
      = each.announced && each.announced->cutover == cut_->cutover;
    out.hdb->pinned = same ? each.announced->manifest : cut_->manifest;
    return;
  }
  if (MILLRACE_PLANTED(answer_without_the_hdb)) {
    cut_ = cut_.value_or(partition_cut{});
    hdb_partial_.emplace();
    return;
  }
  refuse(lost("hdb", tried_hdbs_, asked_.hdb_hint), out);
}

/// A copy has a cut of its own, which the RDB is asked for anew.
void cut_query::leave_cut() {
  ++round_; // What the RDB answers at the other cut is late.
  cut_.reset();
  rdb_.clear();
  if (asked_.wants_rdb)
    rdb_partial_.reset();
}

/// Of those that were not tried. @param whole none whose rows may not be all
const std::string* cut_query::next_rdb(bool whole) const {
  for (const auto& name : asked_.rdbs)
    if (!tried_rdbs_.names.contains(name)
        && !(whole && tried_rdbs_.lacking.contains(name)))
      return &name;
  return nullptr;
}

void cut_query::choose_rdb(effects& out) {
  const auto* next = next_rdb(true);
  if (next == nullptr)
    next = next_rdb(false);
  if (next == nullptr)
    return refuse(lost("rdb", tried_rdbs_, asked_.rdb_hint), out);
  rdb_ = *next;
  out.rdb = ask_rdb{rdb_,
                    {.cutover = cut_->cutover,
                     .at_least = MILLRACE_PLANTED(answer_from_the_past)
                                   ? position{}
                                   : asked_.at_least,
                     .life = asked_.life,
                     .upto = asked_.upto}};
}

void cut_query::on(hdb_answered& what, int64_t, effects& out) {
  if (cut_ && what.cut.cutover != cut_->cutover
      && !MILLRACE_PLANTED(mix_two_cuts))
    return plan_again(hdb_ + " accounts for rows up to "
                        + to_string(what.cut.cutover) + ", not "
                        + to_string(cut_->cutover),
                      out);
  if (goes_too_far(what.cut.cutover, out))
    return;
  cut_ = what.cut;
  note_copy();
  hdb_partial_ = std::move(what.partial);
  if (asked_.wants_rdb && rdb_.empty())
    choose_rdb(out);
  merge_when_complete(out);
}

bool cut_query::is_copy(const std::string& name) const {
  return std::any_of(asked_.hdbs.begin(), asked_.hdbs.end(),
                     [&](const hdb& each) {
                       return each.name == name && !each.copy_in.empty();
                     });
}

/// An answer says when it may lack what its table's own directory has.
void cut_query::note_copy() {
  for (const auto& each : asked_.hdbs)
    if (each.name == hdb_ && !each.copy_in.empty() && !each.is_same)
      cut_->warnings.push_back(
        "answered by " + hdb_ + " from its copy in " + each.copy_in
        + ", which may not hold all that was loaded, corrected or written in "
          "the table's own directory ("
        + to_string(tried_hdbs_.damage) + ")");
}

void cut_query::on(rdb_answered& what, int64_t, effects& out) {
  // It is asked once more, and believed, if the others are away.
  if (!what.cut.warnings.empty() && tried_rdbs_.lacking.insert(rdb_).second
      && next_rdb(true) != nullptr)
    return choose_rdb(out);
  held_ = std::move(what.cut);
  rdb_partial_ = std::move(what.partial);
  merge_when_complete(out);
}

void cut_query::on(hdb_failed& what, int64_t now, effects& out) {
  if (what.fault.code == errc::moved)
    return plan_again(what.fault.context, out);
  if (!another_may_do(hdb_, what.fault, now, tried_hdbs_, out))
    return;
  hdb_partial_.reset();
  // Nobody else is bound to the cut of one that never answered.
  if (rdb_.empty())
    cut_.reset();
  choose_hdb(out);
}

void cut_query::on(rdb_failed& what, int64_t now, effects& out) {
  if (what.fault.code == errc::moved)
    return plan_again(what.fault.context, out);
  if (!another_may_do(rdb_, what.fault, now, tried_rdbs_, out))
    return;
  rdb_partial_.reset();
  choose_rdb(out);
}

bool cut_query::another_may_do(const std::string& who, const error& fault,
                               int64_t now, tried_ones& tried, effects& out) {
  if (!is_of_backend(fault) && !is_limit(fault)) {
    refuse(fault, out);
    return false;
  }
  if (now >= asked_.deadline_ns) {
    // One that says why it cannot answer yet tells more than the time does.
    if (fault.code == errc::unavailable || fault.code == errc::timeout
        || is_limit(fault))
      refuse({fault.code, fault.context}, out);
    else
      refuse({errc::timeout, who + ": no answer before the deadline"}, out);
    return false;
  }
  tried.names.insert(who);
  out.failed = who;
  if (is_limit(fault)) {
    tried.limit = fault;
    return true;
  }
  const error why{fault.code, who + ": " + fault.context};
  // What is to be mended first is the table's own.
  if (is_damage(fault) && tried.damage)
    tried.damage.context += "; and " + to_string(why);
  else
    (is_damage(fault) ? tried.damage : tried.away) = why;
  return true;
}

void cut_query::merge_when_complete(effects& out) {
  if (over_ || !hdb_partial_ || !rdb_partial_)
    return;
  over_ = true;
  if (cut_->cutover == unread_cutover)
    cut_->cutover = {};
  auto warnings = cut_->warnings;
  for (const auto& each : held_.warnings)
    // One that is where both meet is told by both.
    if (std::find(warnings.begin(), warnings.end(), each) == warnings.end())
      warnings.push_back(each);
  out.complete = merge{{cut_->manifest, cut_->cutover,
                        asked_.wants_rdb ? held_.upper : cut_->cutover,
                        std::move(warnings), held_.life},
                       *std::move(hdb_partial_),
                       *std::move(rdb_partial_)};
}

/// All of a kind were tried. What is wrong with them is told by its own name,
/// unless one of them is away, and may be whole. One that lives and refuses is
/// the answer: waiting for the others is up to who asked.
error cut_query::lost(const char* kind, const tried_ones& tried,
                      const std::string& hint) const {
  if (tried.limit) {
    auto out = tried.limit;
    for (const auto& why : {tried.damage, tried.away})
      if (why)
        out.context += "; " + to_string(why);
    return out;
  }
  if (tried.damage && !tried.away)
    return tried.damage;
  auto text = "the " + std::string{kind} + " part of '" + asked_.table
              + "' is missing: no live " + kind;
  if (const auto& why = tried.damage ? tried.damage : tried.away)
    text += " (" + to_string(why) + ")";
  if (!hint.empty())
    text += "; " + hint;
  return {errc::backend_lost, std::move(text)};
}

void cut_query::refuse(error fault, effects& out) {
  over_ = true;
  out = {.refusal = std::move(fault), .failed = std::move(out.failed)};
}

} // namespace millrace::torq
