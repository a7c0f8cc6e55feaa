#include <millrace/actors/rt/sequence/out_repair.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {
namespace {

using mend = out_repair;

constexpr position in_file(uint64_t number, uint64_t offset = 0) {
  return position::of(0, number, offset);
}

/// "2", or "2+100" where it is not the start of file 2.
std::string place_text(position at) {
  return std::to_string(at.roll())
         + (at.offset() == 0 ? "" : "+" + std::to_string(at.offset()));
}

struct effect_text {
  std::string operator()(const mend::damaged& what) const {
    return "damaged " + place_text(what.file);
  }
  std::string operator()(const mend::rebuild& what) const {
    return "rebuild " + place_text(what.file);
  }
  std::string operator()(const mend::copy& what) const {
    return "copy " + place_text(what.file);
  }
  std::string operator()(const mend::fetch& what) const {
    return "fetch " + to_string(what.node) + ":" + place_text(what.from);
  }
  std::string operator()(const mend::place& what) const {
    return "place " + place_text(what.file)
           + (what.until ? " to " + place_text(*what.until) : "");
  }
  std::string operator()(const mend::waits& what) const {
    return "waits " + place_text(what.file);
  }
  std::string operator()(const mend::mended& what) const {
    return "mended " + place_text(what.file);
  }
  std::string operator()(const mend::lost& what) const {
    std::string out = "lost";
    for (const auto& [from, to, is_known] : what.holes)
      out += " " + place_text(from) + "-" + place_text(to);
    if (what.holes.empty())
      out += " " + place_text(what.at);
    return out + " (" + to_string(what.why) + ")";
  }
  std::string operator()(const mend::salvage& what) const {
    return "salvage " + place_text(what.file)
           + (what.may_lose ? " or lose" : "");
  }
  std::string operator()(const mend::lacks& what) const {
    return "lacks " + place_text(what.file);
  }
  std::string operator()(const mend::pruned& what) const {
    return "pruned " + place_text(what.file);
  }
};

/// The effects in their order, with "; " between them.
std::string mend_text(const std::vector<mend::effect>& all) {
  std::string out;
  for (const auto& each : all)
    out += (out.empty() ? "" : "; ") + std::visit(effect_text{}, each);
  return out;
}

struct mend_step {
  std::string name;
  mend::input what;
  int64_t at = 0;
  std::string expected{};
};

struct mend_case {
  std::string name;
  std::vector<mend::peer> peers;
  std::vector<mend_step> steps;
  uint64_t mended = 0;
  size_t given_up = 0;
  bool is_mending = false;
};

const std::vector<mend::peer> mends_alone;
const std::vector<mend::peer> mend_peers{{node_id{2}, "rt2"},
                                         {node_id{3}, "rt3"}};

error failure(errc code, const std::string& text = "why") {
  return {code, text};
}

// With 2 tries, 10 between them, and what was given up refused for 100.
const std::vector<mend_case> mend_cases{
  {"made again of the inputs",
   mends_alone,
   {{"nothing to do", mend::passed{in_file(0)}},
    {"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"asked again", mend::asked{in_file(2, 90)}, 1},
    {"work goes on", mend::passed{in_file(0)}, 2},
    {"it is there", mend::rebuilt{}, 3, "mended 2"},
    {"nothing is left", mend::passed{in_file(0)}, 100}},
   1},
  {"lacking inputs that may come: tried again, and given up in the end",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"asked before it", mend::asked{in_file(2, 40)}, 1},
    {"inputs lack", mend::rebuilt{failure(errc::not_found), true}, 2,
     "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 2},
    {"too early", mend::passed{in_file(0)}, 11},
    {"a second try", mend::passed{in_file(0)}, 12, "rebuild 2"},
    {"in vain", mend::rebuilt{failure(errc::not_found), true}, 13,
     "salvage 2 or lose"},
    {"nor in part", mend::salvaged{failure(errc::corrupt, "all"), {}}, 13,
     "lost 2+40 (corrupt: all)"},
    {"nothing is left", mend::passed{in_file(0)}, 100}},
   0,
   1},
  {"inputs that were let go are not waited for",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"gone", mend::rebuilt{failure(errc::pruned), false}, 1,
     "salvage 2 or lose"},
    {"nor in part", mend::salvaged{failure(errc::corrupt, "all"), {}}, 1,
     "lost 2+50 (corrupt: all)"}},
   0,
   1},
  {"inputs that are damaged are tried again",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"damaged", mend::rebuilt{failure(errc::corrupt), false}, 1, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 1},
    {"a second try", mend::passed{in_file(0)}, 11, "rebuild 2"},
    {"they came", mend::rebuilt{}, 12, "mended 2"}},
   1},
  {"copied from a peer, part by part, up to its seal",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"a part", mend::came{in_file(2), in_file(2, 100)}, 3, "fetch 2:2+100"},
    {"the last", mend::came{in_file(2, 100), in_file(2, 160)}, 4,
     "fetch 2:2+160"},
    {"the next file", mend::came{in_file(3), in_file(2, 160)}, 5, "place 2"},
    {"it is there", mend::placed{}, 6, "mended 2"}},
   1},
  {"of the file that is written up to its end",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{in_file(2, 150)}, 2, "fetch 2:2"},
    {"a part", mend::came{in_file(2), in_file(2, 100)}, 3, "fetch 2:2+100"},
    {"beyond it", mend::came{in_file(2, 100), in_file(2, 160)}, 4,
     "place 2 to 2+150"},
    {"it is there", mend::placed{}, 5, "mended 2"}},
   1},
  {"denied by one, had by the next",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"a part", mend::came{in_file(2), in_file(2, 100)}, 3, "fetch 2:2+100"},
    {"damaged there", mend::denied{failure(errc::corrupt)}, 4, "fetch 3:2+100"},
    {"the next file", mend::came{in_file(3), in_file(2, 100)}, 5, "place 2"},
    {"it is there", mend::placed{}, 6, "mended 2"}},
   1},
  {"denied by all: each is named, and tried again",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"denied", mend::denied{failure(errc::corrupt, "a")}, 3, "fetch 3:2"},
    {"denied", mend::denied{failure(errc::timeout, "b")}, 4, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 4},
    {"a second try", mend::passed{in_file(0)}, 14, "rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 15, "copy 2"},
    {"begun", mend::opened{}, 16, "fetch 2:2"},
    {"denied", mend::denied{failure(errc::corrupt, "a")}, 17, "fetch 3:2"},
    {"denied", mend::denied{failure(errc::timeout, "b")}, 18,
     "salvage 2 or lose"},
    {"lost", mend::salvaged{{}, {{in_file(2, 40), in_file(2, 80)}}}, 19,
     "lost 2+40-2+80 (not_found: why; rt2: corrupt: a; rt3: timeout: b)"}},
   0,
   1},
  {"peers that are away are tried again, and not blamed",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"gone for good here", mend::rebuilt{failure(errc::pruned)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"away", mend::away{}, 2, "fetch 3:2"},
    {"away", mend::away{}, 2, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 2},
    {"a second try", mend::passed{in_file(0)}, 12, "rebuild 2"},
    {"gone for good here", mend::rebuilt{failure(errc::pruned)}, 13, "copy 2"},
    {"begun", mend::opened{}, 14, "fetch 2:2"},
    {"away", mend::away{}, 14, "fetch 3:2"},
    {"away", mend::away{}, 14, "salvage 2 or lose"},
    {"nor in part", mend::salvaged{failure(errc::corrupt, "all"), {}}, 14,
     "lost 2+50 (corrupt: all)"}},
   0,
   1},
  {"the lead changes while one is asked: the next has it",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"silence", mend::denied{failure(errc::timeout)}, 1000, "fetch 3:2"},
    {"more", mend::came{in_file(2), in_file(2, 100)}, 1001, "fetch 3:2+100"},
    {"the next file", mend::came{in_file(3), in_file(2, 100)}, 1002, "place 2"},
    {"it is there", mend::placed{}, 1003, "mended 2"}},
   1},
  {"a copy that is not whole is tried again",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"nothing of it", mend::came{in_file(3), in_file(2)}, 3, "place 2"},
    {"no seal", mend::placed{failure(errc::corrupt)}, 4, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 4},
    {"a second try", mend::passed{in_file(0)}, 14, "rebuild 2"},
    {"they came", mend::rebuilt{}, 15, "mended 2"}},
   1},
  {"a copy that cannot be put in its place is asked of the next",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"the next file", mend::came{in_file(3), in_file(2, 100)}, 3, "place 2"},
    {"not now", mend::denied{failure(errc::storage_failed)}, 4, "fetch 3:2"}},
   0,
   0,
   true},
  {"a copy that cannot be begun is tried again",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"not begun", mend::placed{failure(errc::storage_failed)}, 2, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 2},
    {"a second try", mend::passed{in_file(0)}, 12, "rebuild 2"}},
   0,
   0,
   true},
  {"no room is waited for, said once, and is no try",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"full", mend::rebuilt{failure(errc::no_space)}, 1, "waits 2"},
    {"tried", mend::passed{in_file(0)}, 11, "rebuild 2"},
    {"full", mend::rebuilt{failure(errc::no_space)}, 12},
    {"tried", mend::passed{in_file(0)}, 22, "rebuild 2"},
    {"full", mend::rebuilt{failure(errc::no_space)}, 23},
    {"tried", mend::passed{in_file(0)}, 33, "rebuild 2"},
    {"room", mend::rebuilt{}, 34, "mended 2"}},
   1},
  {"no room for what a peer has is waited for",
   mend_peers,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"inputs lack", mend::rebuilt{failure(errc::not_found)}, 1, "copy 2"},
    {"begun", mend::opened{}, 2, "fetch 2:2"},
    {"full", mend::denied{failure(errc::no_space)}, 3, "fetch 3:2"},
    {"denied", mend::denied{failure(errc::corrupt)}, 4, "waits 2"},
    {"tried", mend::passed{in_file(0)}, 14, "rebuild 2"},
    {"room", mend::rebuilt{}, 15, "mended 2"}},
   1},
  {"several in turn, one after the other",
   mends_alone,
   {{"asked", mend::asked{in_file(2)}, 0, "damaged 2; rebuild 2"},
    {"another", mend::asked{in_file(4)}, 0, "damaged 4"},
    {"one between", mend::asked{in_file(3)}, 0, "damaged 3"},
    {"damaged", mend::rebuilt{failure(errc::corrupt)}, 1, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 1},
    {"the next", mend::passed{in_file(0)}, 11, "rebuild 3"},
    {"whole", mend::rebuilt{}, 12, "mended 3; rebuild 4"},
    {"whole", mend::rebuilt{}, 13, "mended 4; rebuild 2"},
    {"whole", mend::rebuilt{}, 14, "mended 2"}},
   3},
  {"made of what is at hand and what is intact in it",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"damaged", mend::rebuilt{failure(errc::corrupt)}, 1, "salvage 2"},
    {"all of it", mend::salvaged{}, 2, "mended 2"}},
   1},
  {"what lacks of it is given up, and told once",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"gone", mend::rebuilt{failure(errc::not_found)}, 1, "salvage 2 or lose"},
    {"in part",
     mend::salvaged{{},
                    {{in_file(2, 8), in_file(2, 40), true},
                     {in_file(2, 40), in_file(2, 80)},
                     {in_file(2, 96), in_file(2, 120)}}},
     2, "lost 2+40-2+80 2+96-2+120 (not_found: why)"},
    {"much later", mend::passed{in_file(0)}, 200},
    {"asked", mend::asked{in_file(2, 40)}, 201, "damaged 2; rebuild 2"},
    {"gone", mend::rebuilt{failure(errc::not_found)}, 202, "salvage 2 or lose"},
    {"as before", mend::salvaged{{}, {{in_file(2, 8), in_file(2, 80), true}}},
     203, "lacks 2"}},
   0,
   1},
  {"no room for what is left of it is waited for",
   mends_alone,
   {{"asked", mend::asked{in_file(2, 50)}, 0, "damaged 2; rebuild 2"},
    {"gone", mend::rebuilt{failure(errc::not_found)}, 1, "salvage 2 or lose"},
    {"full", mend::salvaged{failure(errc::no_space), {}}, 2, "waits 2"},
    {"tried", mend::passed{in_file(0)}, 12, "rebuild 2"}},
   0,
   0,
   true},
  {"one that is asked for in the pause waits for its end",
   mends_alone,
   {{"asked", mend::asked{in_file(2)}, 0, "damaged 2; rebuild 2"},
    {"damaged", mend::rebuilt{failure(errc::corrupt)}, 1, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 1},
    {"another", mend::asked{in_file(4)}, 5, "damaged 4"},
    {"now", mend::passed{in_file(0)}, 11, "rebuild 4"}},
   0,
   0,
   true},
  {"what the log begins after by now is not lost, nor tried",
   mends_alone,
   {{"asked", mend::asked{in_file(2)}, 0, "damaged 2; rebuild 2"},
    {"another", mend::asked{in_file(4)}, 0, "damaged 4"},
    {"damaged", mend::rebuilt{failure(errc::corrupt)}, 1, "salvage 2"},
    {"not of what is left", mend::salvaged{failure(errc::corrupt), {}}, 1},
    {"it was cut off", mend::passed{in_file(3, 70)}, 2, "pruned 2"},
    {"the other", mend::passed{in_file(3, 70)}, 11, "rebuild 4"},
    {"cut off under work", mend::passed{in_file(5)}, 12},
    {"gone", mend::rebuilt{failure(errc::not_found), false}, 13, "pruned 4"}}},
  {"what was given up is asked for again much later",
   mends_alone,
   {{"asked", mend::asked{in_file(2)}, 0, "damaged 2; rebuild 2"},
    {"gone", mend::rebuilt{failure(errc::not_found)}, 1, "salvage 2 or lose"},
    {"nor in part", mend::salvaged{failure(errc::corrupt, "all"), {}}, 1,
     "lost 2 (corrupt: all)"},
    {"not yet", mend::passed{in_file(0)}, 101},
    {"forgotten", mend::passed{in_file(0)}, 102},
    {"asked", mend::asked{in_file(2)}, 103, "damaged 2; rebuild 2"},
    {"whole", mend::rebuilt{}, 104, "mended 2"}},
   1},
  {"words that nothing asked for say nothing",
   mend_peers,
   {{"nothing was made", mend::rebuilt{}},
    {"nor begun", mend::opened{}},
    {"nor came", mend::came{in_file(2), in_file(2, 9)}},
    {"nor was denied", mend::denied{failure(errc::corrupt)}},
    {"nobody was asked", mend::away{}},
    {"nothing was placed", mend::placed{}},
    {"nothing was left", mend::salvaged{}},
    {"asked", mend::asked{in_file(2)}, 1, "damaged 2; rebuild 2"},
    {"nothing is copied", mend::came{in_file(3), in_file(2)}, 2},
    {"nor placed", mend::placed{}, 3}},
   0,
   0,
   true},
};

TEST(OutRepairTest, EachCaseEndsAsItMust) {
  for (const auto& each : mend_cases) {
    SCOPED_TRACE(each.name);
    mend core{{.peers = each.peers,
               .tries = 2,
               .retry_after_ns = 10,
               .given_up_ns = 100}};
    for (const auto& step : each.steps) {
      SCOPED_TRACE(step.name);
      EXPECT_EQ(mend_text(core.step(step.what, step.at)), step.expected);
    }
    EXPECT_EQ(core.mended_files(), each.mended);
    EXPECT_EQ(core.given_up_files(), each.given_up);
    EXPECT_EQ(core.is_mending(), each.is_mending);
  }
}

TEST(OutRepairTest, RefusesForAWhileWhatItGaveUp) {
  mend core{{.given_up_ns = 100}};
  EXPECT_FALSE(core.has_given_up(in_file(2, 70), 0));
  (void)core.step(mend::asked{in_file(2, 50)}, 0);
  EXPECT_FALSE(core.has_given_up(in_file(2, 70), 0));
  (void)core.step(mend::rebuilt{failure(errc::pruned)}, 1);
  (void)core.step(mend::salvaged{failure(errc::corrupt), {}}, 1);
  EXPECT_TRUE(core.has_given_up(in_file(2, 70), 101));
  EXPECT_FALSE(core.has_given_up(in_file(3), 101));
  EXPECT_FALSE(core.has_given_up(in_file(2, 70), 102));
}

} // namespace
} // namespace millrace::rt
