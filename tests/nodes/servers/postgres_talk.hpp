#pragma once

#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>

#include <string>
#include <utility>
#include <vector>

// What clients of PostgreSQL send, as bytes, and a session that they talk to.

namespace millrace::nodes::postgres {
using pg_effects = pg_session::effects;

inline std::shared_ptr<const served_cluster> served_trades() {
  auto out = std::make_shared<served_cluster>();
  out->name = "test";
  out->queries
    = std::make_shared<query::named_queries>(query::built_in_queries());
  // 2024-01-02T14:30:00.5
  out->now = [] { return int64_t{757'521'000'500'000'000}; };
  auto& trade = out->tables["trade"];
  trade.name = "trade";
  trade.columns = {{"time", column_type::timestamp},
                   {"sym", column_type::symbol},
                   {"price", column_type::float_},
                   {"size", column_type::int_}};
  trade.time_column = "time";
  trade.symbol_column = "sym";
  return out;
}

inline std::string startup(const std::string& user = "me",
                           const std::string& options = {}) {
  std::string body;
  append_number(body, uint32_t{3} << 16);
  for (const auto* each :
       {"user", user.c_str(), "database", "test", "options", options.c_str()}) {
    body += each;
    body += '\0';
  }
  body += '\0';
  std::string out;
  append_number(out, static_cast<uint32_t>(body.size() + 4));
  return out + body;
}

/// A message of a client; text fields end with |.
inline std::string pg_message(char type, std::string text) {
  for (auto& c : text)
    if (c == '|')
      c = '\0';
  std::string out;
  message{out, type}.bytes(text);
  return out;
}
inline std::string pg_parse(const std::string& name, const std::string& text,
                            const std::vector<uint32_t>& types = {}) {
  std::string out;
  {
    message made{out, 'P'};
    made.text(name).text(text).number(static_cast<int16_t>(types.size()));
    for (const auto type : types)
      made.number(type);
  }
  return out;
}
inline std::string pg_bind(const std::string& portal,
                           const std::string& statement,
                           const std::vector<std::string>& values,
                           const result_formats& formats = {},
                           int16_t value_format = 0) {
  std::string out;
  {
    message made{out, 'B'};
    made.text(portal).text(statement).number(int16_t{1}).number(value_format);
    made.number(static_cast<int16_t>(values.size()));
    for (const auto& value : values)
      made.number(static_cast<int32_t>(value.size())).bytes(value);
    made.number(static_cast<int16_t>(formats.size()));
    for (const auto format : formats)
      made.number(format);
  }
  return out;
}
inline std::string pg_execute(const std::string& portal, int32_t rows = 0) {
  std::string out;
  message{out, 'E'}.text(portal).number(rows);
  return out;
}
inline std::string pg_describe(char kind, const std::string& name) {
  std::string out;
  message{out, 'D'}.bytes({&kind, 1}).text(name);
  return out;
}
inline const std::string pg_sync = pg_message('S', "");

/// "T(a,b) D(1,null) C(SELECT 1) Z(I)"
inline std::string pg_read(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto size = message_bytes(bytes);
    if (size == 0)
      return out + " and " + std::to_string(bytes.size()) + " bytes";
    const char type = bytes[0];
    fields from{bytes.substr(5, size - 5)};
    bytes.remove_prefix(size);
    out += out.empty() ? "" : " ";
    out += type;
    std::string in;
    if (type == 'T') {
      const auto count = from.number<int16_t>();
      for (int16_t i = 0; i < count; ++i) {
        in += (i == 0 ? "" : ",") + std::string{from.text()};
        (void)from.bytes(6);
        in += ":" + std::to_string(from.number<uint32_t>());
        (void)from.bytes(6);
        in += from.number<int16_t>() == 0 ? "" : "b";
      }
    } else if (type == 'D') {
      const auto count = from.number<int16_t>();
      for (int16_t i = 0; i < count; ++i) {
        const auto bytes_of = from.number<int32_t>();
        in += i == 0 ? "" : ",";
        in += bytes_of < 0
                ? "null"
                : std::string{from.bytes(static_cast<size_t>(bytes_of))};
      }
    } else if (type == 'C') {
      in = from.text();
    } else if (type == 'Z') {
      in = from.bytes(1);
    } else if (type == 'E' || type == 'N') {
      for (;;) {
        const auto field = from.bytes(1);
        if (field.empty() || field[0] == '\0')
          break;
        const std::string text{from.text()};
        if (field == "C" || field == "P" || field == "M")
          in += (in.empty() ? "" : " ") + text;
      }
    } else if (type == 't') {
      const auto count = from.number<int16_t>();
      for (int16_t i = 0; i < count; ++i)
        in += (i == 0 ? "" : ",") + std::to_string(from.number<uint32_t>());
    } else if (type == 'S') {
      in = from.text();
      in += "=" + std::string{from.text()};
    }
    if (!in.empty())
      out += "(" + in + ")";
  }
  return out;
}

/// Two columns, and rows of them.
inline query::table_data
pg_rows(const std::vector<std::pair<std::string, int>>& of) {
  query::column_writer names{"sym", column_type::symbol};
  query::column_data sizes{"size", column_type::int_, {}, {}, {}};
  for (const auto& [name, size] : of) {
    names.append_text(name);
    sizes.push(size);
  }
  query::table_data out;
  out.row_count = of.size();
  out.columns.push_back(*names.finish());
  out.columns.push_back(std::move(sizes));
  return out;
}

/// A session, and a gateway that answers with what it is given.
struct talk {
  explicit talk(bool begins = true) {
    pg_limits limits;
    limits.served = served_trades();
    session = pg_session{limits};
    if (begins)
      (void)say(startup());
  }

  /// What is answered; questions are kept.
  std::string say(std::string_view bytes) {
    return take(session.received(bytes));
  }
  std::string answer(const query::table_data& rows) {
    const auto made = row_messages(rows, asked.formats);
    return take(session.answered(id, made ? *made : made.failure().context));
  }
  std::string answer_failure(const error& why) {
    return take(session.answered(
      id, error_message(told(why, asked.source, asked.begin))));
  }

  std::string take(pg_effects effects) {
    std::string out;
    for (auto& each : effects) {
      if (auto* sent = std::get_if<send_bytes>(&each)) {
        out += sent->bytes;
      } else if (auto* wish = std::get_if<handle_request<pg_wish>>(&each)) {
        id = wish->id;
        if (auto* query = std::get_if<query_wish>(&wish->what)) {
          asked = *query;
          is_asking = true;
        } else if (std::holds_alternative<login_wish>(wish->what)) {
          out += take(session.answered(id, begun));
        } else {
          cancelled = std::get<cancel_wish>(wish->what);
        }
      } else {
        ended = std::get<end_connection>(each);
      }
    }
    return out;
  }

  /// What a wish to begin is answered.
  std::string begun{"\0\0\0\x7\0\0\0\x9", 8};
  pg_session session;
  uint64_t id = 0;
  query_wish asked;
  bool is_asking = false;
  std::optional<cancel_wish> cancelled;
  std::optional<end_connection> ended;
};

inline std::string pg_query(const std::string& text) {
  std::string out;
  message{out, 'Q'}.text(text);
  return out;
}

} // namespace millrace::nodes::postgres
