#include <millrace/persistence/log/tail_verdict.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace millrace::persistence {

static std::ostream& operator<<(std::ostream& out,
                                const tail_verdict& verdict) {
  return out << "action " << static_cast<int>(verdict.action) << ", clean "
             << verdict.clean << ", rewrite " << verdict.rewrite;
}

namespace {

using ending = tail_facts::ending_type;
using mark = tail_facts::mark_type;
using action = tail_verdict::action_type;

constexpr bool damaged = true;
constexpr bool same_boot = true;
constexpr bool fenced = true;

struct verdict_case {
  std::string name;
  tail_facts facts;
  tail_verdict resume;
  tail_verdict next;
  /// Of policy same, where it is not that of next.
  std::optional<tail_verdict> same{};
};

const tail_verdict keep{action::keep, false, false};
const tail_verdict keep_clean{action::keep, true, false};
const tail_verdict keep_rewritten{action::keep, false, true};
const tail_verdict cut{action::cut, false, false};
const tail_verdict cut_rewritten{action::cut, false, true};
const tail_verdict seal{action::seal, true, false};
const tail_verdict refuse{action::refuse, false, false};
const tail_verdict pass{action::pass, false, false};
const tail_verdict go_on{action::go_on, true, false};

const std::vector<verdict_case> cases{
  // Only the process died: everything that was written is there.
  {"whole",
   {ending::none, mark::reached, !damaged, same_boot},
   keep_clean,
   seal},
  {"cut off",
   {ending::cut_off, mark::reached, !damaged, same_boot},
   keep_clean,
   seal},
  {"rolled",
   {ending::sealed, mark::reached, !damaged, same_boot},
   keep_clean,
   seal},
  {"ended",
   {ending::session_sealed, mark::closed, !damaged, same_boot},
   keep_clean,
   keep_clean},
  {"closed",
   {ending::closed, mark::closed, !damaged, same_boot},
   keep_clean,
   seal,
   go_on},
  {"closed, no note",
   {ending::closed, mark::none, !damaged, same_boot},
   keep_clean,
   seal,
   go_on},
  {"closed once, and what came after it is gone",
   {ending::closed, mark::missed, damaged, same_boot},
   refuse,
   keep},
  {"closed, after damage",
   {ending::closed, mark::closed, damaged, same_boot},
   refuse,
   seal},
  {"collected",
   {ending::collected, mark::closed, !damaged, same_boot},
   keep_clean,
   keep_clean},
  // Its owner went on in a file that is not there.
  {"collected, and none follows",
   {ending::collected, mark::reached, !damaged, same_boot},
   keep_clean,
   keep},
  {"collected, and a power cut took what follows",
   {ending::collected, mark::reached, !damaged, !same_boot},
   keep,
   keep},
  // No death of a process leaves these.
  {"wrong bytes",
   {ending::wrong, mark::reached, !damaged, same_boot},
   refuse,
   keep},
  {"wrong bytes, more after them",
   {ending::wrong, mark::reached, damaged, same_boot},
   refuse,
   keep},
  {"cut off below the mark",
   {ending::cut_off, mark::missed, damaged, same_boot},
   refuse,
   keep},
  {"shorter than the mark",
   {ending::none, mark::missed, damaged, same_boot},
   refuse,
   keep},
  {"bytes after the seal",
   {ending::sealed, mark::reached, damaged, same_boot},
   refuse,
   keep},
  {"bytes after the last seal",
   {ending::session_sealed, mark::reached, damaged, same_boot},
   refuse,
   keep_clean},
  // A sync failed, then the process died: what the cache shows may be lost.
  {"fenced",
   {ending::none, mark::reached, !damaged, same_boot, fenced},
   keep_rewritten,
   cut_rewritten},
  {"fenced, cut off",
   {ending::cut_off, mark::reached, !damaged, same_boot, fenced},
   keep_rewritten,
   cut_rewritten},
  {"fenced, rolled",
   {ending::sealed, mark::reached, !damaged, same_boot, fenced},
   keep_rewritten,
   cut_rewritten},
  {"fenced, ended",
   {ending::session_sealed, mark::reached, !damaged, same_boot, fenced},
   keep_rewritten,
   {action::keep, true, true}},
  {"fenced, wrong bytes",
   {ending::wrong, mark::reached, !damaged, same_boot, fenced},
   refuse,
   keep_rewritten},
  // The machine died: what stands after the mark counts for nothing.
  {"power cut, whole",
   {ending::none, mark::reached, !damaged, !same_boot},
   cut,
   cut},
  {"power cut, cut off",
   {ending::cut_off, mark::reached, !damaged, !same_boot},
   cut,
   cut},
  {"power cut, wrong bytes",
   {ending::wrong, mark::reached, !damaged, !same_boot},
   cut,
   cut},
  {"power cut, records after a hole",
   {ending::wrong, mark::reached, damaged, !same_boot},
   cut,
   cut},
  {"power cut, closed before",
   {ending::none, mark::closed, !damaged, !same_boot},
   {action::cut, true, false},
   cut},
  {"power cut, rolled",
   {ending::sealed, mark::reached, !damaged, !same_boot},
   keep,
   cut},
  {"power cut, rolled and closed",
   {ending::sealed, mark::closed, !damaged, !same_boot},
   keep_clean,
   cut},
  {"power cut, ended",
   {ending::session_sealed, mark::closed, !damaged, !same_boot},
   keep_clean,
   keep_clean},
  {"power cut, closed at its end",
   {ending::closed, mark::closed, !damaged, !same_boot},
   {action::cut, true, false},
   seal,
   go_on},
  {"fenced, closed",
   {ending::closed, mark::reached, !damaged, same_boot, fenced},
   keep_rewritten,
   {action::seal, true, true}},
  {"power cut, fenced before",
   {ending::none, mark::reached, !damaged, !same_boot, fenced},
   cut_rewritten,
   cut_rewritten},
  {"power cut, no note",
   {ending::wrong, mark::none, damaged, !same_boot},
   cut,
   cut},
  {"power cut, no note, rolled",
   {ending::sealed, mark::none, !damaged, !same_boot},
   keep,
   cut},
  // Bytes that were synced once are gone: no power cut does that.
  {"power cut, shorter than the mark",
   {ending::none, mark::missed, damaged, !same_boot},
   refuse,
   keep},
  {"power cut, hole below the mark",
   {ending::wrong, mark::missed, damaged, !same_boot},
   refuse,
   keep},
};

TEST(LogTailVerdictTest, EachCaseHasOneVerdictPerPolicy) {
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(judge_tail(session_policy::resume, each.facts), each.resume);
    EXPECT_EQ(judge_tail(session_policy::next, each.facts), each.next);
    EXPECT_EQ(judge_tail(session_policy::same, each.facts),
              each.same.value_or(each.next));
    // What can be made again is never refused; else it is as a resumed log.
    auto made_again = each.resume;
    if (each.resume == refuse)
      made_again = {pass.action, pass.clean, each.facts.fenced};
    EXPECT_EQ(judge_tail(session_policy::rebuild, each.facts), made_again);
  }
}

// The promises that recovery builds on, over every combination of facts.
TEST(LogTailVerdictTest, KeepsItsPromisesForAllFacts) {
  for (int ends = 0; ends < 7; ++ends)
    for (int marks = 0; marks < 4; ++marks)
      for (int bits = 0; bits < 8; ++bits) {
        const tail_facts facts{static_cast<ending>(ends),
                               static_cast<mark>(marks), (bits & 1) != 0,
                               (bits & 2) != 0, (bits & 4) != 0};
        SCOPED_TRACE(testing::Message() << ends << ' ' << marks << ' ' << bits);
        const auto on = judge_tail(session_policy::resume, facts);
        const auto past = judge_tail(session_policy::next, facts);
        const auto same = judge_tail(session_policy::same, facts);
        EXPECT_NE(on.action, action::seal);
        EXPECT_NE(on.action, action::go_on);
        EXPECT_NE(past.action, action::go_on);
        // Who goes on in a session lost nothing of it.
        if (same.action == action::go_on)
          EXPECT_TRUE(same.clean && !facts.damaged && !facts.fenced
                      && facts.mark != mark::missed);
        else
          EXPECT_EQ(same, past);
        EXPECT_NE(past.action, action::refuse);
        // What stays of a file whose sync failed is made durable.
        EXPECT_EQ(past.rewrite, facts.fenced);
        EXPECT_EQ(on.rewrite, facts.fenced && on.action != action::refuse);
        // A seal says that nothing is missing: only a live cache knows, or who
        // closed the log.
        if (past.action == action::seal && facts.ending != ending::closed)
          EXPECT_TRUE(facts.same_boot && !facts.fenced && !facts.damaged);
        // Bytes are taken only where a power cut may have torn them, or a
        // failed sync lost them.
        if (on.action == action::cut)
          EXPECT_FALSE(facts.same_boot);
        if (past.action == action::cut && facts.same_boot)
          EXPECT_TRUE(facts.fenced);
        // Nobody goes on after damage below the mark.
        if (facts.damaged && facts.mark == mark::missed)
          EXPECT_EQ(on.action, action::refuse);
      }
}

} // namespace
} // namespace millrace::persistence
