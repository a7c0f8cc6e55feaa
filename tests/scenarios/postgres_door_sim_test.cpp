// A program that speaks PostgreSQL's protocol at the port of a simulated
// cluster.

#include <millrace/nodes/servers/postgres/wire.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <string>

#include "door_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
namespace pg = nodes::postgres;

const auto cluster_with_sql = cluster_with_door(R"(name = "sql1"
type = "postgres"
port = 5432
)");

/// What a program of a user's would be.
class sql_program {
public:
  explicit sql_program(world& in) : in_{in}, at_{in.at("door").connect(5432)} {
    std::string body;
    pg::append_number(body, uint32_t{3} << 16);
    body += std::string{"user\0me\0\0", 9};
    std::string bytes;
    pg::append_number(bytes, static_cast<uint32_t>(body.size() + 4));
    if (at_)
      at_->send(bytes + body);
    key_ = messages('K');
  }

  void ask(const std::string& text) {
    std::string bytes;
    pg::message{bytes, 'Q'}.text(text);
    at_->send(bytes);
  }

  /// The first values of the rows, or the state of a failure; empty: no answer
  /// came in a minute.
  std::string answer() { return messages('D'); }

  /// Ends what it asked for, as psql does: by another connection.
  void cancel() {
    const auto other = in_.at("door").connect(5432);
    std::string bytes;
    pg::append_number(bytes, uint32_t{16});
    pg::append_number(bytes, uint32_t{80'877'102});
    other->send(bytes + key_);
    (void)in_.run_until([&] { return !other->is_open(); }, 10s);
    EXPECT_FALSE(other->is_open());
  }

private:
  /// Reads to the next ReadyForQuery; of the messages of a type the bodies.
  std::string messages(char type) {
    std::string out;
    bool is_ready = false;
    (void)in_.run_until(
      [&] {
        unread_ += at_->take();
        while (const auto size = pg::message_bytes(unread_)) {
          const auto body = unread_.substr(5, size - 5);
          const auto what = unread_[0];
          unread_.erase(0, size);
          if (what == 'D' && type == 'D')
            out += body.substr(6) + ";";
          else if (what == 'E')
            out += body.substr(body.find("C") + 1, 5) + ";";
          else if (what == type)
            out += body;
          if (what == 'Z') {
            is_ready = true;
            return true;
          }
        }
        return !at_->is_open();
      },
      60s);
    return is_ready ? out : std::string{};
  }

  world& in_;
  std::unique_ptr<port_client> at_;
  std::string unread_;
  std::string key_;
};

TEST(PostgresDoorSim, AnswersOutlastsItsGatewayAndIsCancelled) {
  for_each_seed(10, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_with_sql);
    auto& feed = w.add_publisher("feed", "trade");
    for (int i = 0; i < 4; ++i)
      feed.publish({{"sym", "A"}, {"size", i}});
    ASSERT_TRUE(w.eventually(30s, [&] { return feed.settled(); }));
    sql_program one{w};
    sql_program other{w};
    one.ask("select count(*) as n from trade");
    EXPECT_EQ(one.answer(), "4;");
    one.ask("select size from trade order by size desc limit 2");
    EXPECT_EQ(one.answer(), "3;2;");
    one.ask("select prise from trade");
    EXPECT_EQ(one.answer(), "42703;");
    // While nobody can answer, a question waits; one that is cancelled does
    // not, and others do.
    w.kill("db");
    one.ask("select count(*) as n from trade");
    other.ask("select max(size) as n from trade");
    w.run_for(2s);
    one.cancel();
    EXPECT_EQ(one.answer(), "57014;");
    w.restart("db");
    EXPECT_EQ(other.answer(), "3;");
    one.ask("set statement_timeout to 1000");
    EXPECT_EQ(one.answer(), "");
    w.kill("db");
    one.ask("select count(*) as n from trade");
    EXPECT_EQ(one.answer(), "57014;");
    EXPECT_TRUE(w.defects().empty());
  });
}

} // namespace
} // namespace millrace::sim
