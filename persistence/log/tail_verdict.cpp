#include <millrace/persistence/log/tail_verdict.hpp>

namespace millrace::persistence {

tail_verdict judge_tail(session_policy policy,
                        const tail_facts& facts) noexcept {
  using ending = tail_facts::ending_type;
  using action = tail_verdict::action_type;
  const bool sealed
    = facts.ending == ending::sealed || facts.ending == ending::session_sealed;
  // A dead process leaves a record cut off at worst; a whole but wrong one at
  // the end is damage, unless the machine died.
  const bool wrong = facts.same_boot && facts.ending == ending::wrong;
  const bool all_here
    = facts.same_boot && !facts.fenced && !facts.damaged && !wrong;
  // Whatever a power cut left after the synced end is a torn tail, also when
  // records in it are intact again.
  const bool torn = !facts.same_boot
                    && facts.mark != tail_facts::mark_type::missed && !sealed
                    && facts.ending != ending::collected;

  if (policy == session_policy::rebuild) {
    const auto verdict = judge_tail(session_policy::resume, facts);
    // Whatever is damaged, its owner makes it again.
    return verdict.action == action::refuse
             ? tail_verdict{action::pass, false, facts.fenced}
             : verdict;
  }
  if (policy == session_policy::resume) {
    const bool clean = all_here || facts.mark == tail_facts::mark_type::closed;
    if (torn)
      return {action::cut, clean, facts.fenced};
    if (facts.damaged || wrong)
      return {action::refuse, false, false};
    return {action::keep, clean, facts.fenced};
  }
  if (facts.ending == ending::session_sealed)
    return {action::keep, true, facts.fenced};
  if (facts.ending == ending::closed) {
    // A closing of long ago stands at the end where what followed it is gone.
    const bool whole = facts.mark != tail_facts::mark_type::missed;
    const bool on = policy == session_policy::same && whole && !facts.damaged
                    && !facts.fenced;
    if (!whole)
      return {action::keep, false, facts.fenced};
    return {on ? action::go_on : action::seal, true, facts.fenced};
  }
  // What it held was merged everywhere. But if its owner did not end in it, a
  // file followed that is gone, and with it ids that were given out.
  if (facts.ending == ending::collected)
    return {action::keep, facts.mark == tail_facts::mark_type::closed,
            facts.fenced};
  if (all_here)
    return {action::seal, true, false};
  if (!wrong && (!facts.damaged || torn))
    return {action::cut, false, facts.fenced};
  return {action::keep, false, facts.fenced};
}

} // namespace millrace::persistence
