#include "corpus_seeds.hpp"

#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/persistence/log/log_format.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/tests/query/sql_tables.hpp>

namespace millrace::fuzz {

namespace {

std::string text_of_bytes(std::span<const std::byte> of) {
  return {reinterpret_cast<const char*>(of.data()), of.size()};
}

std::vector<std::byte> seed_batch() {
  table_schema schema;
  schema.name = "t";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"note", column_type::string}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  batch_builder builder{schema};
  for (int64_t i = 0; i < 3; ++i) {
    builder.append(0, i);
    builder.append_symbol(1, i == 1 ? "B" : "A");
    builder.append_string(2, "text");
    builder.end_row();
  }
  return builder.encode({"a.csv", 10, 3, 7});
}

std::string seed_records() {
  persistence::record_builder builder{lineage_id{{1, 2}}, {0}};
  const auto payload = std::as_bytes(std::span{"payload"});
  for (int64_t id = 1; id <= 3; ++id)
    builder.add(persistence::record_kind::messages, payload_kind::opaque,
                {"feed", 1000 * id, id, null_int}, payload);
  millrace::stream_event gap;
  gap.kind = event_kind::gap;
  gap.origin = "feed";
  gap.cause = "ids missing";
  builder.add(persistence::record_kind::event, payload_kind::opaque,
              {"", null_long, 0, null_int}, encode(gap));
  builder.close_record();
  const auto made = builder.bytes();
  return {reinterpret_cast<const char*>(made.data()), made.size()};
}

void add_questions(std::vector<corpus_seed>& out) {
  using namespace query;
  const char* texts[]
    = {"select from trade", "select max price, sum size by sym from trade",
       "5#`price xdesc select from trade where sym=`A",
       "select n:count i by 0D00:01 xbar time from trade"};
  for (const auto* text : texts) {
    auto asked = parse_qsql(text, testing_support::sql_table, 0);
    if (!asked || resolve(asked->plan))
      continue;
    const auto cut = split(asked->plan);
    if (!cut)
      continue;
    for (const auto& plan : cut->fragments) {
      out.push_back({"query_plan", text_of_bytes(encode(plan))});
      const auto partial
        = execute(plan, {testing_support::sql_parts().at("trade")[0]});
      if (partial)
        out.push_back(
          {"query_result", text_of_bytes(encode(*partial)[0].bytes())});
    }
  }
}

void add_kdb_messages(std::vector<corpus_seed>& out) {
  using namespace nodes::kdb;
  const std::string login{"\0u:p\3\0", 6};
  for (const auto* text :
       {"select max size by sym from trade", ".u.sub[`trade;`A`B]"}) {
    const auto made = write_message(message_kind::sync, text_value(text));
    if (!made)
      continue;
    out.push_back({"kdb_session", login + *made});
    out.push_back(
      {"kdb_session", login + compressed(*made + std::string(4000, 'x'))});
  }
}

} // namespace

std::vector<corpus_seed> seeds_of_encoders() {
  std::vector<corpus_seed> out;
  out.push_back({"table_batch", text_of_bytes(seed_batch())});
  millrace::stream_event event;
  event.kind = event_kind::badtail;
  event.to = {4096};
  event.cause = "a badtail";
  out.push_back({"stream_event", text_of_bytes(encode(event))});
  out.push_back({"stream_event", text_of_bytes(encode(
                                   query::testing_support::sql_tables()[0]))});
  out.push_back(
    {"stream_event", text_of_bytes(encode(std::vector<source_cursor>{
                       {"a.csv", 10, 3, 7}, {"b.csv", 20, 4, 8}}))});
  out.push_back({"stream_event", text_of_bytes(encode(
                                   end_of_period{period_id{8767}, "feed"}))});
  out.push_back({"log_record", '\1' + seed_records()});
  out.push_back({"log_directory", '\1' + seed_records()});
  out.push_back({"log_directory", '\x25' + seed_records() + seed_records()});
  const auto greeting = nodes::connection_guard::greeting();
  const std::string head{greeting.data(), greeting.size()};
  out.push_back({"peer_greeting", '\0' + head + std::string(32, '\0')});
  out.push_back(
    {"peer_greeting", '\1' + nodes::connection_guard::refusal("another one")});
  add_questions(out);
  add_kdb_messages(out);
  return out;
}

} // namespace millrace::fuzz
