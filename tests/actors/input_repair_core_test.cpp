#include <millrace/actors/rt/sequence/input_repair.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

constexpr copy_id that_copy{1};
constexpr input_repair::source from_publisher{};
constexpr input_repair::source from_node(uint64_t number) {
  return {node_id{number}};
}

/// "ask <node> <from>-<to> ", or "lost", "copies" or "waits" of <from>-<to>.
std::string repair_text(const std::vector<input_repair::effect>& effects) {
  std::string out;
  for (const auto& each : effects) {
    const auto* asked = std::get_if<input_repair::ask>(&each);
    const bool lost = std::holds_alternative<input_repair::give_up>(each);
    const bool copies = std::holds_alternative<input_repair::copies>(each);
    const auto part
      = std::visit([](const auto& kind) { return kind.range; }, each);
    out += (asked    ? "ask " + to_string(asked->from.node)
            : lost   ? "lost"
            : copies ? "copies"
                     : "waits")
           + " " + std::to_string(part.from.value) + "-"
           + std::to_string(part.to.value) + " ";
  }
  return out;
}

struct repair_step {
  std::string name;
  input_repair::input what;
  int64_t at = 0;
  std::string expected{};
};

struct repair_case {
  std::string name;
  std::vector<repair_step> steps;
  uint64_t mended = 0;
  uint64_t given_up = 0;
};

const input_part lacked{{100}, {200}};
using in = input_repair;

const std::vector<repair_case> repair_cases{
  {"filled part by part by the likeliest source",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"asks", in::passed{that_copy, {from_node(3), from_publisher}}, 0,
     "ask 3 100-200 "},
    {"one question at a time",
     in::passed{that_copy, {from_node(3), from_publisher}}, 1},
    {"a part came", in::answered{that_copy, {200}, {160}}, 2},
    {"the rest", in::passed{that_copy, {from_node(3), from_publisher}}, 3,
     "ask 3 160-200 "},
    {"all came", in::answered{that_copy, {200}, {200}}, 4},
    {"nothing lacks", in::passed{that_copy, {from_node(3), from_publisher}},
     5}},
   1},
  {"what came another way is not asked for again",
   {{"lacks", in::lacking{that_copy, lacked, true}},
    {"none has it", in::passed{that_copy, {from_node(3)}}, 0, "ask 3 100-200 "},
    {"it says so", in::denied{that_copy, {200}, from_node(3)}, 1},
    {"its begin came", in::lacking{that_copy, {{160}, {200}}, true}, 2},
    {"all are asked anew", in::passed{that_copy, {from_node(3)}}, 20},
    {"for the rest", in::passed{that_copy, {from_node(3)}}, 40,
     "ask 3 160-200 "}}},
  {"what entries name after it is asked for next, not twice",
   {{"lacks", in::lacking{that_copy, lacked, true}},
    {"asks", in::passed{that_copy, {from_node(3)}}, 0, "ask 3 100-200 "},
    {"more is named", in::lacking{that_copy, {{100}, {300}}, true}, 1},
    {"under way", in::passed{that_copy, {from_node(3)}}, 2},
    {"all came", in::answered{that_copy, {200}, {200}}, 3},
    {"the rest", in::lacking{that_copy, {{200}, {300}}, true}, 4},
    {"asks", in::passed{that_copy, {from_node(3)}}, 4, "ask 3 200-300 "}},
   1},
  {"what an entry names and others have merged and collected is copied",
   {{"lacks", in::lacking{that_copy, lacked, true}},
    {"asks", in::passed{that_copy, {from_node(3), from_publisher}}, 0,
     "ask 3 100-200 "},
    {"merged there", in::denied{that_copy, {200}, from_node(3), false, true},
     1},
    {"the other", in::passed{that_copy, {from_node(3), from_publisher}}, 20,
     "ask 0 100-200 "},
    {"none there", in::denied{that_copy, {200}, from_publisher}, 21},
    {"it is told", in::passed{that_copy, {from_node(3), from_publisher}}, 40,
     "copies 100-200 "},
    {"and asked for again", in::passed{that_copy, {from_node(3)}}, 60,
     "ask 3 100-200 "}}},
  {"what is merged by now is not asked for",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"less of it", in::lacking{that_copy, {{160}, {200}}}},
    {"the rest", in::passed{that_copy, {from_node(3)}}, 0, "ask 3 160-200 "},
    {"all came", in::answered{that_copy, {200}, {200}}, 1}},
   1},
  {"the next source is asked where one has none",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"asks", in::passed{that_copy, {from_node(3), from_publisher}}, 0,
     "ask 3 100-200 "},
    {"none there", in::denied{that_copy, {200}, from_node(3)}, 1},
    {"a pause", in::passed{that_copy, {from_node(3), from_publisher}}, 5},
    {"the other", in::passed{that_copy, {from_node(3), from_publisher}}, 11,
     "ask 0 100-200 "},
    {"it has", in::answered{that_copy, {200}, {200}}, 12}},
   1},
  {"given up when all that there are have none",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"asks", in::passed{that_copy, {from_publisher}}, 0, "ask 0 100-200 "},
    {"none there", in::denied{that_copy, {200}, from_publisher}, 1},
    {"lost", in::passed{that_copy, {from_publisher}}, 11, "lost 100-200 "},
    {"once", in::passed{that_copy, {from_publisher}}, 30}},
   0,
   1},
  {"waits for a source that is away, and says so",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"nobody", in::passed{that_copy, {}, true}, 0},
    {"still nobody", in::passed{that_copy, {}, true}, 999},
    {"says so", in::passed{that_copy, {}, true}, 1000, "waits 100-200 "},
    {"once", in::passed{that_copy, {}, true}, 1000000},
    {"it is back", in::passed{that_copy, {from_publisher}}, 1000001,
     "ask 0 100-200 "},
    {"and has it", in::answered{that_copy, {200}, {200}}, 1000002}},
   1},
  {"takes what is away for gone on demand",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"and", in::lacking{that_copy, {{300}, {400}}}},
    {"too early", in::forsaken{that_copy}, 1},
    {"waits", in::passed{that_copy, {}, true}, 1000, "waits 100-200 "},
    {"on demand", in::forsaken{that_copy}, 1001},
    {"lost", in::passed{that_copy, {}, true}, 1002, "lost 100-200 "},
    {"but no more than that", in::passed{that_copy, {}, true}, 1003,
     "waits 300-400 "}},
   0,
   1},
  {"is not given up while another may come back",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"asks", in::passed{that_copy, {from_node(3)}, true}, 0, "ask 3 100-200 "},
    {"none there", in::denied{that_copy, {200}, from_node(3)}, 1},
    {"waits", in::passed{that_copy, {from_node(3)}, true}, 5000,
     "waits 100-200 "},
    {"the other", in::passed{that_copy, {from_node(3), from_publisher}}, 6000,
     "ask 0 100-200 "},
    {"none there either", in::denied{that_copy, {200}, from_publisher}, 6001},
    {"lost", in::passed{that_copy, {from_node(3), from_publisher}}, 6020,
     "lost 100-200 "}},
   0,
   1},
  {"one that does not answer may have it",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"asks", in::passed{that_copy, {from_publisher}}, 0, "ask 0 100-200 "},
    {"silence", in::denied{that_copy, {200}, from_publisher, true}, 100},
    {"again", in::passed{that_copy, {from_publisher}}, 110, "ask 0 100-200 "}}},
  {"what is agreed on is never given up",
   {{"lacks", in::lacking{that_copy, lacked, true}},
    {"asks", in::passed{that_copy, {from_node(2)}}, 0, "ask 2 100-200 "},
    {"none there", in::denied{that_copy, {200}, from_node(2)}, 1},
    {"nobody else", in::passed{that_copy, {from_node(2)}}, 2000},
    {"again", in::passed{that_copy, {from_node(2)}}, 2010, "ask 2 100-200 "}}},
  {"told twice is one range",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"a part of it", in::lacking{that_copy, {{120}, {200}}, true}},
    {"asks", in::passed{that_copy, {from_publisher}}, 0, "ask 0 100-200 "},
    {"all came", in::answered{that_copy, {200}, {200}}, 1},
    {"nothing lacks", in::passed{that_copy, {from_publisher}}, 20}},
   1},
  {"ranges are mended in the order they came",
   {{"lacks", in::lacking{that_copy, lacked}},
    {"and", in::lacking{that_copy, {{300}, {400}}}},
    {"the first", in::passed{that_copy, {from_publisher}}, 0, "ask 0 100-200 "},
    {"a later file began", in::answered{that_copy, {200}, {500}}, 1},
    {"the second", in::passed{that_copy, {from_publisher}}, 2,
     "ask 0 300-400 "}},
   1},
};

TEST(InputRepairTest, AnAnswerToAnEarlierQuestionSaysNothing) {
  input_repair repair{{.patience_ns = 1000, .pause_ns = 10}};
  EXPECT_EQ(repair_text(repair.step(in::lacking{that_copy, lacked, true}, 0)),
            "");
  EXPECT_EQ(
    repair_text(repair.step(in::passed{that_copy, {from_publisher}}, 0)),
    "ask 0 100-200 ");
  repair.forget_agreed(that_copy);
  EXPECT_TRUE(repair.open().empty());
  EXPECT_EQ(repair_text(repair.step(in::lacking{that_copy, {{300}, {400}}}, 1)),
            "");
  EXPECT_EQ(
    repair_text(repair.step(in::passed{that_copy, {from_publisher}}, 1)),
    "ask 0 300-400 ");
  EXPECT_EQ(repair_text(repair.step(in::answered{that_copy, {200}, {500}}, 2)),
            "");
  EXPECT_EQ(repair.mended(), 0u);
  EXPECT_EQ(repair.open(), std::vector{that_copy});
}

TEST(InputRepairTest, EachCaseEndsAsItMust) {
  for (const auto& each : repair_cases) {
    SCOPED_TRACE(each.name);
    input_repair repair{{.patience_ns = 1000, .pause_ns = 10}};
    for (const auto& step : each.steps) {
      SCOPED_TRACE(step.name);
      EXPECT_EQ(repair_text(repair.step(step.what, step.at)), step.expected);
    }
    EXPECT_EQ(repair.mended(), each.mended);
    EXPECT_EQ(repair.given_up(), each.given_up);
  }
}

TEST(InputRepairTest, TellsWhatIsAskedForAndWhatIsWaitedFor) {
  input_repair core{{.patience_ns = 100, .pause_ns = 10}};
  using ranges = std::vector<std::pair<copy_id, input_part>>;
  (void)core.step(in::lacking{that_copy, lacked}, 0);
  EXPECT_EQ(core.asked(), (ranges{{that_copy, lacked}}));
  EXPECT_TRUE(core.asks_for(that_copy, {{120}, {200}}));
  EXPECT_FALSE(core.asks_for(that_copy, {{120}, {201}}));
  EXPECT_FALSE(core.asks_for(copy_id{2}, lacked));
  EXPECT_TRUE(core.waiting().empty());
  (void)core.step(in::passed{that_copy, {}, true}, 100);
  EXPECT_TRUE(core.asked().empty());
  EXPECT_EQ(core.waiting(), (ranges{{that_copy, lacked}}));
  EXPECT_TRUE(core.asks_for(that_copy, lacked));
}

} // namespace
} // namespace millrace::rt
