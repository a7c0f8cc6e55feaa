// What a port reads of strangers: whatever they send, it ends in a request, an
// end, or nothing yet, and holds no more than it may.

#include <millrace/nodes/servers/kdb/request.hpp>
#include <millrace/nodes/servers/kdb/session.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace millrace::nodes::kdb {
namespace {

std::vector<std::string> good_messages() {
  value table;
  table.type = kind::table;
  value both;
  both.type = kind::dictionary;
  both.parts = {
    symbols_of({"time", "sym", "size"}),
    list_of({vector_of<int64_t>(kind::timestamp, {1, 2}),
             symbols_of({"A", "B"}), vector_of<int64_t>(kind::long_, {3, 4})})};
  table.parts = {both};
  value parameters = both;
  parameters.parts
    = {symbols_of({"tablename", "sublist"}),
       list_of({symbol_atom("trade"), atom_of(kind::long_, int64_t{5})})};
  std::vector<std::string> out;
  for (const auto& what :
       {text_value("select max size by sym from trade"),
        text_value(".u.sub[`trade;`A`B]"), text_value("(1+1;`a!2)"),
        list_of({symbol_atom(".u.upd"), symbol_atom("trade"), table}),
        list_of({text_value("getdata"), parameters}),
        list_of({symbol_atom(".gw.asyncexec"), text_value("trade"),
                 symbol_atom("rdb")})})
    for (const auto how : {message_kind::sync, message_kind::async}) {
      out.push_back(*write_message(how, what));
      out.push_back(compressed(*write_message(how, what)));
    }
  return out;
}

TEST(KdbAnyBytesTest, NothingThatIsSentDoesHarm) {
  table_schema trade;
  trade.name = "trade";
  trade.columns = {{"time", column_type::timestamp},
                   {"sym", column_type::symbol},
                   {"size", column_type::long_}};
  trade.time_column = "time";
  trade.symbol_column = "sym";
  const std::map<std::string, table_schema> tables{{"trade", trade}};
  const std::set<std::string> stamped{"trade"};
  const request_setting with{.tables = &tables, .stamped = &stamped};
  const auto good = good_messages();
  std::mt19937_64 random{42};
  const auto below = [&](size_t most) { return random() % most; };
  size_t requests = 0;
  size_t understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = std::string{"u:p\3\0", 5};
    for (size_t count = 1 + below(3); count != 0; --count)
      bytes += good[below(good.size())];
    for (size_t count = below(6); count != 0; --count) {
      const auto at = below(bytes.size());
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 2:
          bytes.erase(at, 1 + below(8));
          break;
        default:
          bytes.insert(at, 1 + below(8), static_cast<char>(random()));
      }
      if (bytes.empty())
        bytes = "x";
    }
    session made{{.message_bytes = 64 * 1024, .login_bytes = 1024}};
    for (size_t at = 0; at < bytes.size();) {
      const auto step = 1 + below(bytes.size());
      for (const auto& effect :
           made.received(std::string_view{bytes}.substr(at, step)))
        if (const auto* asked = std::get_if<handle_request>(&effect)) {
          ++requests;
          understood += understand(asked->what, with).has_value();
        }
      EXPECT_LE(made.held_bytes(), 64u * 1024 + bytes.size());
      at += step;
    }
  }
  // Some of it still is what it was.
  EXPECT_GT(requests, 5'000u);
  EXPECT_GT(understood, 1'000u);
}

} // namespace
} // namespace millrace::nodes::kdb
