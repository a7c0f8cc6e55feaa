#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/nodes/servers/http/publish_rows.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/nodes/servers/http/stream_text.hpp>
#include <millrace/nodes/servers/http/websocket.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>

#include <gtest/gtest.h>

#include <random>

namespace millrace::nodes::http {
namespace {

/// As a client sends it.
std::string masked(frame_kind kind, const std::string& payload,
                   bool is_last = true) {
  const std::string mask = "\x11\x22\x33\x44";
  std::string out;
  out += static_cast<char>((is_last ? 0x80 : 0) | static_cast<uint8_t>(kind));
  out += static_cast<char>(0x80 | payload.size());
  out += mask;
  for (size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

const std::string upgrade
  = "GET /stream?table=trade HTTP/1.1\r\nHost: localhost\r\n"
    "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

TEST(WebsocketTest, WritesFramesAsTheStandardDoes) {
  // The unmasked example of RFC 6455, 5.7.
  EXPECT_EQ(frame_bytes(frame_kind::text, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(frame_bytes(frame_kind::binary, std::string(256, 'x')),
            std::string("\x82\x7e\x01\x00", 4) + std::string(256, 'x'));
  EXPECT_EQ(frame_bytes(frame_kind::binary, std::string(65536, 'x')),
            std::string("\x82\x7f\0\0\0\0\0\x01\0\0", 10)
              + std::string(65536, 'x'));
  EXPECT_EQ(close_bytes(close_code::normal, "ok"),
            std::string("\x88\x04\x03\xe8ok"));
  EXPECT_EQ(close_bytes(close_code::failed, std::string(500, 'x')).size(),
            127u);
}

TEST(WebsocketTest, ReadsFramesAsTheyCome) {
  // The masked example of RFC 6455, 5.7.
  std::string bytes = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
  std::string some;
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    some += bytes[i];
    const auto early = next_frame(some);
    ASSERT_TRUE(early);
    EXPECT_FALSE(*early) << i;
  }
  some += bytes.back() + std::string{"rest"};
  some = bytes + "rest";
  const auto frame = next_frame(some);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->kind, frame_kind::text);
  EXPECT_EQ((*frame)->payload, "Hello");
  EXPECT_EQ(some, "rest");
  for (std::string bad : {std::string{"\x81\x05Hello"},       // No mask.
                          std::string{"\xc1\x80"} + "abcd",   // Reserved bits.
                          std::string{"\x83\x80"} + "abcd",   // Unknown kind.
                          std::string("\x82\xfe\x01\x00", 4), // Too long.
                          masked(frame_kind::ping, "x", false)}) // In parts.
    EXPECT_FALSE(next_frame(bad)) << bad;
}

TEST(HttpSessionTest, BecomesAWebsocket) {
  http_session made;
  const auto asked = made.received(upgrade);
  ASSERT_EQ(asked.size(), 1u);
  const auto& request = std::get<handle_request<http_request>>(asked[0]).what;
  // The example of RFC 6455, 1.3.
  EXPECT_EQ(request.websocket_accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(
    stream_head(request).starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_FALSE(made.reads_on());
  EXPECT_EQ(made.probe(), "");
  EXPECT_EQ(made.received(masked(frame_kind::ping, "there?")
                          + masked(frame_kind::pong, "")),
            (http_session::effects{
              send_bytes{frame_bytes(frame_kind::pong, "there?")}}));
  EXPECT_EQ(
    made.received(masked(frame_kind::close, "\x03\xe8")),
    (http_session::effects{send_bytes{close_bytes(close_code::normal, "")},
                           end_connection{}}));
  EXPECT_TRUE(made.received(masked(frame_kind::ping, "")).empty());
  http_session other;
  (void)other.received(upgrade);
  const auto ended = other.received(masked(frame_kind::text, "hello"));
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_TRUE(std::get<send_bytes>(ended[0]).bytes.find("no messages")
              != std::string::npos);
  EXPECT_EQ(std::get<end_connection>(ended[1]).why, errc::malformed_message);
}

TEST(HttpSessionTest, AWebsocketWithoutAKeyIsRefused) {
  for (const auto& [from, to] :
       {std::pair{"dGhlIHNhbXBsZSBub25jZQ==", "short"},
        {"Version: 13", "Version: 8"},
        {"Connection: keep-alive, Upgrade", "Connection: keep-alive"}}) {
    auto asked = upgrade;
    asked.replace(asked.find(from), std::string_view{from}.size(), to);
    http_session made;
    const auto told = made.received(asked);
    ASSERT_EQ(told.size(), 2u) << asked;
    EXPECT_TRUE(std::get<send_bytes>(told[0]).bytes.starts_with(
      "HTTP/1.1 400 Bad Request\r\n"))
      << asked;
  }
}

TEST(HttpSessionTest, AStreamIsTheLastRequest) {
  const std::string stream
    = "GET /stream?table=trade HTTP/1.1\r\nHost: localhost\r\n"
      "Last-Event-ID: 992\r\n\r\n";
  http_session made;
  const auto asked
    = made.received(stream + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(asked.size(), 1u);
  const auto& request = std::get<handle_request<http_request>>(asked[0]).what;
  EXPECT_EQ(request.last_event_id, "992");
  EXPECT_EQ(request.websocket_accept, "");
  EXPECT_FALSE(request.keeps_alive);
  EXPECT_TRUE(made.received("more").empty());
  EXPECT_FALSE(made.reads_on());
  EXPECT_EQ(made.answered(1, "end"),
            (http_session::effects{send_bytes{"end"}, end_connection{}}));
}

TEST(HttpSessionTest, NoFramesDoHarm) {
  const auto good
    = masked(frame_kind::ping, "abc") + masked(frame_kind::pong, "")
      + masked(frame_kind::ping, "d") + masked(frame_kind::close, "\x03\xe8");
  std::mt19937_64 random{11};
  size_t pongs = 0;
  for (int round = 0; round < 10'000; ++round) {
    auto bytes = good;
    for (auto count = random() % 4; count != 0; --count)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    http_session made;
    (void)made.received(upgrade);
    for (size_t at = 0; at < bytes.size();) {
      const auto step = 1 + random() % bytes.size();
      for (const auto& each :
           made.received(std::string_view{bytes}.substr(at, step)))
        if (const auto* sent = std::get_if<send_bytes>(&each))
          pongs += sent->bytes[0] == '\x8a';
      EXPECT_LE(made.held_bytes(), 256u);
      at += step;
    }
  }
  EXPECT_GT(pongs, 5'000u);
}

const table_schema& trade() {
  static const auto schema = [] {
    table_schema out;
    out.name = "trade";
    out.columns = {{"time", column_type::timestamp},
                   {"sym", column_type::symbol},
                   {"size", column_type::long_}};
    out.time_column = "time";
    return out;
  }();
  return schema;
}

std::vector<stream_item> batch_items(const stream_choice& choice,
                                     const std::string& lines) {
  const auto rows = rows_of_lines(lines, trade(), line_format::json, false, 0);
  EXPECT_TRUE(rows) << (rows ? "" : rows.failure().context);
  rt::message what;
  what.header = {"feed", 0, 7};
  what.kind = payload_kind::table_batch;
  what.payload = rows->batch;
  auto out = items_of(choice, what, position{992});
  EXPECT_TRUE(out);
  return *out;
}

const std::string two_rows
  = R"({"time":"2024-01-02T14:30:00Z","sym":"A","size":1}
{"time":"2024-01-02T14:31:00Z","sym":"B","size":2}
)";

TEST(HttpStreamTest, SaysRowsAsTypedMessages) {
  const auto all = batch_items({.stream = "market"}, two_rows);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(
    framed(all[0], false),
    "id: 992\nevent: rows\ndata: "
    R"({"type":"rows","on":"feed","id":7,"ts":"2000-01-01T00:00:00.000000000Z",)"
    R"("table":"trade","position":"992","rows":[)"
    R"({"time":"2024-01-02T14:30:00.000000000Z","sym":"A","size":1},)"
    R"({"time":"2024-01-02T14:31:00.000000000Z","sym":"B","size":2}]})"
    "\n\n");
  EXPECT_EQ(framed(all[0], true), frame_bytes(frame_kind::text, all[0].json));
  EXPECT_TRUE(
    batch_items({.stream = "market", .table = "quote"}, two_rows).empty());
  const auto late = batch_items({.stream = "market",
                                 .table = "trade",
                                 .time_column = "time",
                                 .row_time_ns = 757521060'000'000'000},
                                two_rows);
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(late[0].json.find(R"("sym":"A")"), std::string::npos);
  EXPECT_NE(late[0].json.find(R"("sym":"B")"), std::string::npos);
}

TEST(HttpStreamTest, OnlyTheLastPieceOfABatchSaysWhereToGoOn) {
  std::string lines;
  for (int i = 0; i < 5'000; ++i)
    lines += R"({"time":"2024-01-02T14:30:00Z","sym":"A","size":1})"
             "\n";
  const auto all = batch_items({.stream = "market"}, lines);
  ASSERT_GT(all.size(), 2u);
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    EXPECT_FALSE(all[i].at);
    EXPECT_LT(all[i].json.size(), 200'000u);
    EXPECT_TRUE(framed(all[i], false).starts_with("event: rows\n"));
  }
  EXPECT_EQ(all.back().at, position{992});
}

TEST(HttpStreamTest, SaysWhatHappenedToTheStream) {
  stream_event gap{event_kind::gap, {100}, {200}, "feed.market", 3, 5,
                   "lost",          {}};
  const auto items = items_of({.stream = "market"}, gap);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(framed(items[0], false),
            "id: 200\nevent: gap\ndata: "
            R"({"type":"gap","stream":"market","from":"100","to":"200",)"
            R"("on":"feed.market","first_id":3,"last_id":5,"cause":"lost",)"
            R"("position":"200"})"
            "\n\n");
  for (const auto kind : {event_kind::reset, event_kind::badtail,
                          event_kind::pruned, event_kind::ahead}) {
    gap.kind = kind;
    EXPECT_EQ(items_of({.stream = "market"}, gap).at(0).type, to_string(kind));
  }
  EXPECT_EQ(period_item({.stream = "market"}, period_id{8767}, {7}).json,
            R"({"type":"end_of_period","stream":"market",)"
            R"("period":"2024-01-02","position":"7"})");
  EXPECT_EQ(begin_item({.stream = "market"}, {7}, true).json,
            R"({"type":"begin","stream":"market","end":"7","position":"7"})");
  EXPECT_FALSE(begin_item({.stream = "market"}, {7}, false).at);
  EXPECT_EQ(alive_item(std::nullopt).json, R"({"type":"alive"})");
}

wish wish_at(const char* method, const char* path,
             std::map<std::string, std::string> parameters,
             http_request more = {}) {
  more.method = method;
  more.path = path;
  more.host = "localhost:80";
  more.parameters = std::move(parameters);
  return wish_of(more, {"127.0.0.1"});
}

TEST(HttpRoutesTest, TakesStreams) {
  const auto from = [](std::map<std::string, std::string> parameters,
                       const std::string& last = {}) {
    auto made = wish_at("GET", "/stream", std::move(parameters),
                        {.last_event_id = last});
    return std::get<stream_wish>(made).from;
  };
  EXPECT_EQ(from({{"table", "trade"}}).kind, start_spec::end);
  EXPECT_EQ(from({{"stream", "market"}, {"from", "begin"}}).kind,
            start_spec::begin);
  EXPECT_EQ(from({{"stream", "market"}, {"from", "1064"}}).at, position{1064});
  EXPECT_EQ(from({{"stream", "market"}, {"from", "2024-01-02"}}).kind,
            start_spec::at_time);
  EXPECT_EQ(from({{"table", "trade"}, {"from_row_time", "2024-01-02"}}).kind,
            start_spec::begin);
  // A browser that comes back asks as it did the first time.
  EXPECT_EQ(from({{"stream", "market"}, {"from", "begin"}}, "992").at,
            position{992});
  for (const auto& [parameters, tells] :
       std::vector<std::pair<std::map<std::string, std::string>, const char*>>{
         {{}, "say which one"},
         {{{"from", "x"}, {"table", "trade"}}, "from: 'x' is not begin"},
         {{{"from_row_time", "2024-01-02"}, {"stream", "m"}},
          "from_row_time is of rows"},
         {{{"from_row_time", "x"}, {"table", "trade"}}, "'x' is not a time"},
         {{{"tabel", "trade"}}, "there is no parameter 'tabel'"}}) {
    const auto made = wish_at("GET", "/stream", parameters);
    const auto& known = std::get<known_response>(made);
    EXPECT_EQ(known.status, 400u);
    EXPECT_NE(known.body.find(tells), std::string::npos) << known.body;
  }
  EXPECT_EQ(std::get<known_response>(wish_at("POST", "/stream", {})).status,
            405u);
}

TEST(HttpRoutesTest, TakesRows) {
  const auto made = wish_at(
    "POST", "/publish",
    {{"table", "trade"}, {"level", "synced"}, {"origin", "me"}, {"id", "3"}},
    {.content_type = "text/csv", .body = "x"});
  const auto& rows = std::get<publish_wish>(made);
  EXPECT_EQ(rows.table, "trade");
  EXPECT_EQ(rows.format, line_format::csv);
  EXPECT_EQ(rows.level, rt::ack_level::synced);
  EXPECT_EQ(rows.origin, "me");
  EXPECT_EQ(rows.id, 3);
  EXPECT_EQ(rows.lines, "x");
  EXPECT_EQ(
    std::get<publish_wish>(wish_at("POST", "/publish", {{"table", "t"}})).level,
    rt::ack_level::committed);
  for (const auto& [parameters, tells] :
       std::vector<std::pair<std::map<std::string, std::string>, const char*>>{
         {{}, "table=NAME"},
         {{{"table", "t"}, {"level", "all"}}, "level is committed"},
         {{{"table", "t"}, {"format", "xml"}}, "format is json or csv"},
         {{{"table", "t"}, {"origin", "me"}}, "origin and id go together"},
         {{{"table", "t"}, {"id", "1"}}, "origin and id go together"},
         {{{"table", "t"}, {"origin", "me"}, {"id", "0"}}, "id is a whole"},
         {{{"table", "t"}, {"origin", "\xff"}, {"id", "1"}}, "UTF-8"}}) {
    const auto refused = wish_at("POST", "/publish", parameters);
    const auto& known = std::get<known_response>(refused);
    EXPECT_EQ(known.status, 400u);
    EXPECT_NE(known.body.find(tells), std::string::npos) << known.body;
  }
  EXPECT_EQ(std::get<known_response>(wish_at("GET", "/publish", {})).status,
            405u);
}

TEST(HttpRoutesTest, PagesOfOthersAreRefused) {
  const auto status = [](const std::string& origin) {
    const auto made = wish_at("GET", "/health", {}, {.origin = origin});
    return std::get<known_response>(made).status;
  };
  EXPECT_EQ(status(""), 200u);
  EXPECT_EQ(status("http://localhost:80"), 200u);
  EXPECT_EQ(status("http://localhost:81"), 403u);
  EXPECT_EQ(status("https://evil.example"), 403u);
  EXPECT_EQ(status("null"), 403u);
}

TEST(PublishRowsTest, AllOrNothingByLine) {
  const auto read = [](const std::string& lines, line_format format) {
    const auto made = rows_of_lines(lines, trade(), format, false, 0);
    return made ? std::to_string(made->count) : made.failure().context;
  };
  EXPECT_EQ(read(two_rows, line_format::json), "2");
  EXPECT_EQ(read("", line_format::json), "0");
  EXPECT_EQ(
    read("time,sym,size\r\n2024-01-02T14:30:00,A,1\r\n", line_format::csv),
    "1");
  EXPECT_TRUE(read(two_rows + "\n{\"tmie\":1}", line_format::json)
                .starts_with("line 4: table 'trade' has no column 'tmie'"));
  EXPECT_TRUE(read("time,sym\n2024-01-02T14:30:00,A\n,B\n", line_format::csv)
                .starts_with("line 3: column 'time' has no value"));
}

} // namespace
} // namespace millrace::nodes::http
