#include <millrace/actors/rt/sequence/disk_trouble.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

struct trouble_text {
  std::string operator()(const disk_trouble::make_room&) const {
    return "make room";
  }
  std::string operator()(const disk_trouble::struck& what) const {
    return "struck " + to_string(what.why);
  }
  std::string operator()(const disk_trouble::healed&) const { return "healed"; }
  std::string operator()(const disk_trouble::blocked& what) const {
    return "blocked " + to_string(what.why);
  }
};

std::string trouble_texts(const std::vector<disk_trouble::effect>& all) {
  std::string out;
  for (const auto& each : all)
    out += (out.empty() ? "" : "; ") + std::visit(trouble_text{}, each);
  return out;
}

struct trouble_step {
  std::string name;
  disk_trouble::input what;
  int64_t at = 0;
  std::string expected{};
  std::string why{}; ///< After it.
  bool full = false; ///< As well.
};

struct trouble_case {
  std::string name;
  bool has_peers = true;
  std::vector<trouble_step> steps;
};

const error trouble_refused{errc::storage_failed, "a"};
const error trouble_other{errc::storage_failed, "b"};
const error lacks_room{errc::no_space, "a"};
const error lacks_more_room{errc::no_space, "b"};
const error trouble_damage{errc::corrupt, "a"};
const error trouble_absent{errc::not_found, "a"};

// In trouble for 100 after the last sign; patience 20; told anew after 50.
const std::vector<trouble_case> trouble_cases{
  {"well",
   true,
   {{"at first", disk_trouble::passed{}, 1000},
    {"and later", disk_trouble::passed{}, 2000}}},
  {"what failed counts for a while, and from the last time on",
   true,
   {{"fails", disk_trouble::failed{trouble_refused}, 1000,
     "struck storage_failed: a", "storage_failed: a"},
    {"fails again: told once", disk_trouble::failed{trouble_other}, 1050, "",
     "storage_failed: b"},
    {"not yet", disk_trouble::passed{}, 1149, "", "storage_failed: b"},
    {"well again", disk_trouble::passed{}, 1150, "healed"},
    {"once", disk_trouble::passed{}, 1151},
    {"fails later: told anew", disk_trouble::failed{trouble_refused}, 1200,
     "struck storage_failed: a", "storage_failed: a"}}},
  {"a full disk is full for a while",
   true,
   {{"full", disk_trouble::failed{lacks_room}, 1000, "struck no_space: a",
     "no_space: a", true},
    {"still", disk_trouble::passed{}, 1099, "", "no_space: a", true},
    {"no longer", disk_trouble::passed{}, 1100, "healed"}}},
  {"alone it leads whatever fails",
   false,
   {{"full", disk_trouble::failed{lacks_room}, 1000},
    {"blocked", disk_trouble::passed{trouble_refused}, 1000,
     "blocked storage_failed: a"},
    {"for long", disk_trouble::passed{trouble_refused}, 2000}}},
  {"what stands still is a sign after the patience",
   true,
   {{"blocked", disk_trouble::passed{trouble_refused}, 1000,
     "blocked storage_failed: a"},
    {"in time", disk_trouble::passed{trouble_refused}, 1020},
    {"for too long", disk_trouble::passed{trouble_refused}, 1021,
     "struck storage_failed: a", "storage_failed: a"},
    {"goes on", disk_trouble::passed{}, 1022, "", "storage_failed: a"},
    {"well again", disk_trouble::passed{}, 1121, "healed"}}},
  {"what goes on meanwhile has its patience anew",
   true,
   {{"blocked", disk_trouble::passed{trouble_refused}, 1000,
     "blocked storage_failed: a"},
    {"goes on", disk_trouble::passed{}, 1019},
    {"blocked again", disk_trouble::passed{trouble_refused}, 1020},
    {"in time", disk_trouble::passed{trouble_refused}, 1040},
    {"for too long", disk_trouble::passed{trouble_refused}, 1041,
     "struck storage_failed: a", "storage_failed: a"}}},
  {"what is damaged or absent may come: no sign, however long",
   true,
   {{"damaged", disk_trouble::passed{trouble_damage}, 1000,
     "blocked corrupt: a"},
    {"for long", disk_trouble::passed{trouble_damage}, 2000},
    {"absent", disk_trouble::passed{trouble_absent}, 2001,
     "blocked not_found: a"},
    {"for long", disk_trouble::passed{trouble_absent}, 3000},
    {"then refused", disk_trouble::passed{trouble_refused}, 3001,
     "blocked storage_failed: a"},
    {"in time", disk_trouble::passed{trouble_refused}, 3021}}},
  {"a full disk gives its reserve, each time",
   true,
   {{"full", disk_trouble::passed{lacks_room}, 1000,
     "make room; blocked no_space: a"},
    {"less room: told once", disk_trouble::passed{lacks_more_room}, 1010,
     "make room"},
    {"for too long", disk_trouble::passed{lacks_room}, 1021,
     "make room; struck no_space: a", "no_space: a", true}}},
  {"what goes on a little is not told anew",
   true,
   {{"blocked", disk_trouble::passed{trouble_damage}, 1000,
     "blocked corrupt: a"},
    {"goes on", disk_trouble::passed{}, 1001},
    {"stands again", disk_trouble::passed{trouble_damage}, 1050},
    {"goes on", disk_trouble::passed{}, 1100},
    {"for long enough", disk_trouble::passed{}, 1101},
    {"stands again", disk_trouble::passed{trouble_damage}, 1102,
     "blocked corrupt: a"}}},
  {"another cause is told",
   true,
   {{"blocked", disk_trouble::passed{trouble_damage}, 1000,
     "blocked corrupt: a"},
    {"another", disk_trouble::passed{trouble_absent}, 1001,
     "blocked not_found: a"}}},
};

TEST(DiskTroubleTest, EachCaseIsJudgedAsItMust) {
  for (const auto& each : trouble_cases) {
    SCOPED_TRACE(each.name);
    disk_trouble core{{.has_peers = each.has_peers,
                       .trouble_ns = 100,
                       .patience_ns = 20,
                       .told_ns = 50}};
    for (const auto& step : each.steps) {
      SCOPED_TRACE(step.name);
      EXPECT_EQ(trouble_texts(core.step(step.what, step.at)), step.expected);
      EXPECT_EQ(core.why(), step.why);
      EXPECT_EQ(core.is_full(step.at), step.full);
    }
  }
}

} // namespace
} // namespace millrace::rt
