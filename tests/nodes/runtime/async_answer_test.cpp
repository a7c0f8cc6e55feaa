// Questions whose rows come by callback, to a gateway of a node that runs in
// this process, as an embedder's.
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/millrace.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/free_port.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t quotes = 300'000;

/// A cluster in this process, with a day's rows in its rdb.
class embedded_cluster {
public:
  embedded_cluster() {
    const auto text
      = test_support::cluster_text{"async", directory_.path() + "/data"}
          .stream("market")
          .table("trade", "market",
                 {"time:timestamp", "sym:symbol", "price:float", "size:int",
                  "ex:symbol", "cond:symbol"})
          .table("quote", "market",
                 {"time:timestamp", "sym:symbol", "bid:float", "ask:float",
                  "bsize:int", "asize:int", "ex:symbol"})
          .node("n", test_support::free_port())
          .process("disc", "discovery", "n")
          .process("rt", "rt", "n")
          .process("rdb", "rdb", "n")
          .process("gw", "gateway", "n")
          .text();
    auto config = parse_configuration(text, directory_.path() + "/c.toml");
    EXPECT_TRUE(config) << to_string(config.failure());
    config_ = *std::move(config);
    auto made = node::start({.config = config_, .name = "n"});
    EXPECT_TRUE(made) << to_string(made.failure());
    node_ = *std::move(made);
    feed();
    auto found = find_gateway(host(), config_, 10s);
    EXPECT_TRUE(found) << to_string(found.failure());
    gateway = *found;
    // What was fed is in the next answer.
    const auto count = ask_gateway(
      host(), gateway,
      R"({"language":"qsql","text":"count select from quote"})", 30s);
    EXPECT_TRUE(count) << to_string(count.failure());
  }

  [[nodiscard]] runtime& host() { return node_->actors(); }
  /// Questions that the gateway has under way.
  [[nodiscard]] uint64_t running() {
    const auto facts = ask<status_facts>(host(), gateway, 5s, status_atom_v);
    EXPECT_TRUE(facts);
    return facts ? facts->at("running").natural().value_or(99) : 99;
  }

  gateway_actor gateway;

private:
  void feed() {
    process_config process;
    process.name = "feed";
    process.type = process_type::feed;
    process.generator.on = true;
    process.generator.trades_per_period = 1'000;
    process.generator.quotes_per_period = quotes;
    process.generator.trade_table = "trade";
    process.generator.quote_table = "quote";
    process.generator.periods = 1;
    auto session = feed_session::start(config_, process, {});
    ASSERT_TRUE(session) << to_string(session.failure());
    EXPECT_FALSE((*session)->wait({.interrupted = [] { return false; }}));
    EXPECT_FALSE((*session)->close());
  }

  test_support::temporary_directory directory_;
  cluster_config config_;
  std::unique_ptr<node> node_;
};

embedded_cluster& the_cluster() {
  static embedded_cluster made;
  return made;
}

/// What the calls of one answer told.
class told {
public:
  /// @param keeps whether rows are kept for later, with their room
  explicit told(bool keeps = false) : keeps_{keeps} {}

  answer_calls calls() {
    return {.on_cut = [this](const query_cut&) { note([&] { ++cuts; }); },
            .on_rows =
              [this](query::table_data rows, rows_room room) {
                note([&] {
                  EXPECT_EQ(cuts, 1);
                  EXPECT_EQ(ends, 0);
                  row_count += rows.row_count;
                  bytes += rows.byte_count();
                  if (keeps_)
                    rooms.push_back(std::move(room));
                });
                if (on_rows)
                  on_rows();
              },
            .on_end =
              [this](answer_end how) {
                note([&] {
                  ++ends;
                  end = std::move(how);
                });
              }};
  }
  template <class F>
  void wait(F&& until) {
    std::unique_lock lock{mutex_};
    ASSERT_TRUE(changed_.wait_for(lock, 60s, until));
  }
  void wait_end() {
    wait([this] { return ends > 0; });
  }
  [[nodiscard]] std::vector<rows_room> take_rooms() {
    const std::lock_guard lock{mutex_};
    keeps_ = false;
    return std::exchange(rooms, {});
  }

  std::function<void()> on_rows;
  int cuts = 0;
  int ends = 0;
  uint64_t row_count = 0;
  uint64_t bytes = 0;
  std::vector<rows_room> rooms;
  answer_end end;

private:
  template <class F>
  void note(F&& what) {
    {
      const std::lock_guard lock{mutex_};
      what();
    }
    changed_.notify_all();
  }

  bool keeps_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

const std::string all_quotes
  = R"({"language":"qsql","text":"select from quote"})";

TEST(AsyncAnswerTest, RowsComeInOrderAndTheEndTellsWhatTheyTook) {
  auto& cluster = the_cluster();
  told heard;
  const auto answer = ask_async(cluster.host(), cluster.gateway, all_quotes,
                                30s, heard.calls());
  heard.wait_end();
  EXPECT_FALSE(heard.end.fault) << to_string(heard.end.fault);
  EXPECT_TRUE(answer.is_over());
  EXPECT_EQ(heard.row_count, quotes);
  EXPECT_EQ(heard.end.rows, quotes);
  EXPECT_NE(heard.end.cut.upper, position{});
  ASSERT_EQ(heard.end.statistics.nodes.size(), 1u);
  EXPECT_EQ(heard.end.statistics.nodes[0].process, "rdb");
  EXPECT_EQ(heard.end.statistics.nodes[0].read.rows_matched, quotes);
  EXPECT_EQ(heard.ends, 1);
}

// An embedder's actor asks in a handler, which returns at once, and hears by
// messages to itself.
TEST(AsyncAnswerTest, AHandlerOfAnActorMayAsk) {
  auto& cluster = the_cluster();
  struct state {
    async_answer answer;
    uint64_t rows = 0;
  };
  std::promise<uint64_t> total;
  auto asker = cluster.host().spawn(
    [&](caf::stateful_actor<state>* self) -> caf::behavior {
      return {
        [&, self](caf::tick_atom) {
          const caf::actor me{self};
          self->state.answer = ask_async(
            cluster.host(), cluster.gateway, all_quotes, 30s,
            {.on_rows
             = [me](const query::table_data& rows,
                    const rows_room&) { caf::anon_send(me, rows.row_count); },
             .on_end =
               [me](const answer_end& how) {
                 caf::anon_send(me, std::string{to_string(how.fault.code)});
               }});
        },
        [self](uint64_t rows) { self->state.rows += rows; },
        [&, self](const std::string& how) {
          EXPECT_EQ(how, to_string(errc{}));
          total.set_value(self->state.rows);
          self->quit();
        }};
    });
  caf::anon_send(asker, caf::tick_atom_v);
  EXPECT_EQ(total.get_future().get(), quotes);
}

// Rows that are kept hold back those after them: no more come than the gateway
// has room for; once the room is given back all others do.
TEST(AsyncAnswerTest, WhoKeepsRowsGetsNoMoreThanThereIsRoomFor) {
  auto& cluster = the_cluster();
  constexpr uint64_t window = 4u << 20;
  constexpr uint64_t piece = 512u << 10;
  told heard{true};
  const auto answer = ask_async(cluster.host(), cluster.gateway, all_quotes,
                                30s, heard.calls());
  heard.wait([&] { return heard.bytes >= window; });
  EXPECT_EQ(cluster.running(), 1u);
  {
    auto rooms = heard.take_rooms();
    EXPECT_LE(heard.bytes, window + 2 * piece);
    EXPECT_LT(heard.row_count, quotes);
    EXPECT_EQ(heard.ends, 0);
  }
  heard.wait_end();
  EXPECT_FALSE(heard.end.fault) << to_string(heard.end.fault);
  EXPECT_EQ(heard.row_count, quotes);
}

TEST(AsyncAnswerTest, OneThatIsWithdrawnEndsOnceAndItsWorkToo) {
  auto& cluster = the_cluster();
  told heard{true};
  async_answer answer;
  std::mutex asked;
  {
    const std::lock_guard lock{asked};
    heard.on_rows = [&] {
      const std::lock_guard until_it_is_there{asked};
      answer.cancel();
    };
    answer = ask_async(cluster.host(), cluster.gateway, all_quotes, 30s,
                       heard.calls());
  }
  heard.wait_end();
  EXPECT_EQ(heard.end.fault.code, errc::cancelled);
  EXPECT_EQ(heard.ends, 1);
  EXPECT_LT(heard.row_count, quotes);
  answer.cancel();
  while (cluster.running() != 0)
    std::this_thread::yield();
  EXPECT_EQ(heard.ends, 1);
  (void)heard.take_rooms();
}

TEST(AsyncAnswerTest, NothingIsCalledOnceItIsLetGoOf) {
  auto& cluster = the_cluster();
  told heard{true};
  {
    const auto answer = ask_async(cluster.host(), cluster.gateway, all_quotes,
                                  30s, heard.calls());
    heard.wait([&] { return heard.row_count > 0; });
  }
  while (cluster.running() != 0)
    std::this_thread::yield();
  EXPECT_EQ(heard.ends, 0);
  (void)heard.take_rooms();
}

TEST(AsyncAnswerTest, AFaultIsTheEnd) {
  auto& cluster = the_cluster();
  told heard;
  const auto answer = ask_async(
    cluster.host(), cluster.gateway,
    R"({"language":"qsql","text":"select from nothing"})", 30s, heard.calls());
  heard.wait_end();
  EXPECT_EQ(heard.end.fault.code, errc::not_found);
  EXPECT_EQ(heard.cuts, 0);
  EXPECT_EQ(heard.row_count, 0u);
}

} // namespace
} // namespace millrace::nodes
