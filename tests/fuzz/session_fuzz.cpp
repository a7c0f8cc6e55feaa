#include <millrace/nodes/servers/http/publish_rows.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/nodes/servers/kdb/request.hpp>
#include <millrace/nodes/servers/kdb/session.hpp>
#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <deque>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

using namespace nodes;

/// Who connects sends so much, in pieces of a size that the first byte
/// says: the same bytes mean the same in all of them.
template <class Session, class Effects, class Take>
void talk(Session& with, std::string_view bytes, size_t step, Take take) {
  bool has_ended = false;
  const auto act = [&](const auto& self, Effects effects) -> void {
    for (auto& each : effects) {
      has_ended |= std::holds_alternative<end_connection>(each);
      if (std::holds_alternative<login_attempt>(each)) {
        login_verdict accepted;
        accepted.is_accepted = true;
        accepted.user = "me";
        self(self, with.judged(accepted));
      } else {
        take(self, each);
      }
    }
  };
  for (size_t at = 0; at < bytes.size() && !has_ended; at += step) {
    const auto piece = bytes.substr(at, step);
    act(act, with.received(piece));
    MILLRACE_ASSERT(with.held_bytes() <= (size_t{64} << 20));
  }
}

size_t step_of(uint8_t choice) {
  return (choice & 7) == 0 ? 1 : (choice & 7) == 1 ? 13 : size_t{1} << 20;
}

table_schema trades() {
  table_schema out;
  out.name = "trade";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"price", column_type::float_},
                 {"size", column_type::long_}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

query::table_data two_trades() {
  query::column_writer names{"sym", column_type::symbol};
  names.append_text("A");
  names.append_text("B");
  query::column_data sizes{"size", column_type::long_, {}, {}, {}};
  sizes.push(int64_t{1});
  sizes.push(int64_t{2});
  query::table_data out;
  out.row_count = 2;
  out.columns.push_back(*names.finish());
  out.columns.push_back(std::move(sizes));
  return out;
}

} // namespace

void http_session(input given) {
  using namespace nodes::http;
  static const auto schema = trades();
  const auto choice = take_choice(given);
  nodes::http::http_session made{
    {.body_bytes = 64 * 1024, .asks_login = (choice & 8) != 0}};
  const own_site site{.address = "127.0.0.1:8080", .names = {"example.org"}};
  talk<nodes::http::http_session, nodes::http::http_session::effects>(
    made, text_of(given), step_of(choice), [&](const auto& self, auto& effect) {
      const auto* asked = std::get_if<handle_request<http_request>>(&effect);
      if (!asked)
        return;
      const auto what = wish_of(asked->what, site);
      if (const auto* rows = std::get_if<publish_wish>(&what))
        (void)rows_of_lines(rows->lines, schema, rows->format, true, 0);
      if (is_stream_path(asked->what.path))
        (void)stream_head(asked->what);
      self(self, made.answered(asked->id, response(200, "text/plain", "ok",
                                                   asked->what.keeps_alive)));
    });
}

void kdb_session(input given) {
  using namespace nodes::kdb;
  static const std::map<std::string, table_schema> tables{{"trade", trades()}};
  static const std::set<std::string> stamped{"trade"};
  const auto choice = take_choice(given);
  session made{{.message_bytes = 1 << 20,
                .login_bytes = 1024,
                .asks_login = (choice & 8) != 0}};
  const request_setting with{.tables = &tables,
                             .stamped = &stamped,
                             .queries = &query::built_in_queries()};
  talk<session, session_effects>(
    made, text_of(given), step_of(choice), [&](const auto& self, auto& effect) {
      auto* asked = std::get_if<nodes::kdb::handle_request>(&effect);
      if (!asked)
        return;
      auto what = understand(asked->what, with);
      result<value> answer = error{errc::unsupported, "nobody is asked"};
      if (!what)
        answer = what.failure();
      else if (auto* known = std::get_if<value>(&*what))
        answer = std::move(*known);
      if (asked->wants_answer)
        self(self, made.answered(asked->id, std::move(answer)));
    });
}

void postgres_session(input given) {
  using namespace nodes::postgres;
  static const auto served = [] {
    auto out = std::make_shared<served_cluster>();
    out->name = "fuzz";
    out->now = [] { return int64_t{757'521'000'500'000'000}; };
    out->tables["trade"] = trades();
    return out;
  }();
  static const auto rows = two_trades();
  const auto choice = take_choice(given);
  pg_limits limits{.message_bytes = 1 << 20, .statements = 16};
  limits.served = served;
  pg_session made{limits};
  talk<pg_session, pg_session::effects>(
    made, text_of(given), step_of(choice), [&](const auto& self, auto& effect) {
      auto* asked = std::get_if<nodes::handle_request<pg_wish>>(&effect);
      if (!asked)
        return;
      std::string answer{"\0\0\0\x7\0\0\0\x9", 8};
      if (const auto* query = std::get_if<query_wish>(&asked->what)) {
        const auto messages = row_messages(rows, query->formats);
        answer = messages ? *messages
                          : error_message(told(messages.failure(),
                                               query->source, query->begin));
      }
      self(self, made.answered(asked->id, std::move(answer)));
    });
}

} // namespace millrace::fuzz
