#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/nodes/lines/payload_text.hpp>
#include <millrace/nodes/servers/http/stream_text.hpp>
#include <millrace/nodes/servers/http/websocket.hpp>

#include <string_view>
#include <utility>

namespace millrace::nodes::http {

namespace {

using text::json_value;

constexpr size_t piece_bytes = 128 * 1024;

std::string number(position at) { return std::to_string(at.value); }

stream_item item_of(json_value object, std::optional<position> at) {
  if (at)
    object.add("position", number(*at));
  return {object.at("type").text_or_empty(), object.dump(), at};
}

json_value head_of(const rt::message& what, const char* type) {
  return {{"type", type},
          {"on", what.header.on},
          {"id", what.header.id},
          {"ts", text::time_text(what.header.ts)}};
}

/// {"type":"rows",...,"rows":[...]}
stream_item rows_item(const json_value& head, const std::string& rows,
                      std::optional<position> at) {
  auto out = item_of(head, at);
  out.json.pop_back();
  out.json += ",\"rows\":[" + rows + "]}";
  return out;
}

json_value& add_schema(json_value& to, const table_schema& schema) {
  to.add("table", schema.name);
  auto& columns = to.add("columns", json_value::array());
  for (const auto& column : schema.columns)
    columns.add(column.name + ":" + std::string{to_string(column.type)});
  return to;
}

result<std::vector<stream_item>> batch_items(const stream_choice& choice,
                                             const rt::message& what,
                                             position end) {
  std::vector<stream_item> out;
  const auto batch = decode_batch(what.payload);
  if (!batch)
    return batch.failure();
  if (!choice.table.empty() && batch->table != choice.table)
    return out;
  const auto table = to_table(*batch);
  const auto lines = json_rows(table);
  const auto times = choice.row_time_ns ? row_times(table, choice.time_column)
                                        : std::span<const int64_t>{};
  auto head = head_of(what, "rows");
  head.add("table", batch->table);
  std::string rows;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (choice.row_time_ns && (times.empty() || times[i] < *choice.row_time_ns))
      continue;
    if (rows.size() >= piece_bytes) {
      out.push_back(rows_item(head, rows, std::nullopt));
      rows.clear();
    }
    if (!rows.empty())
      rows += ',';
    rows += lines[i];
  }
  if (!rows.empty())
    out.push_back(rows_item(head, rows, end));
  return out;
}

} // namespace

result<std::vector<stream_item>>
items_of(const stream_choice& choice, const rt::message& what, position end) {
  if (what.kind == payload_kind::table_batch)
    return batch_items(choice, what, end);
  std::vector<stream_item> out;
  if (what.kind == payload_kind::table_schema) {
    const auto schema
      = decode_table_schema(what.payload.data(), what.payload.size());
    if (!schema)
      return schema.failure();
    if (!choice.table.empty() && schema->name != choice.table)
      return out;
    auto head = head_of(what, "schema");
    out.push_back(item_of(std::move(add_schema(head, *schema)), end));
  } else if (choice.table.empty()) {
    auto head = head_of(what, "message");
    put_payload(head, {reinterpret_cast<const char*>(what.payload.data()),
                       what.payload.size()});
    out.push_back(item_of(std::move(head), end));
  }
  return out;
}

std::vector<stream_item> items_of(const stream_choice& choice,
                                  const stream_event& what) {
  json_value out{{"type", to_string(what.kind)}, {"stream", choice.stream}};
  if (what.kind == event_kind::schema) {
    const auto schema
      = decode_table_schema(what.schema.data(), what.schema.size());
    if (!schema || (!choice.table.empty() && schema->name != choice.table))
      return {};
    add_schema(out, *schema);
    return {item_of(std::move(out), what.to)};
  }
  out.add("from", number(what.from));
  out.add("to", number(what.to));
  out.add("on", what.origin);
  out.add("first_id", what.first_id);
  out.add("last_id", what.last_id);
  out.add("cause", what.cause);
  return {item_of(std::move(out), what.to)};
}

stream_item period_item(const stream_choice& choice, period_id period,
                        position end) {
  return item_of({{"type", "end_of_period"},
                  {"stream", choice.stream},
                  {"period", text::date_text(period.value)}},
                 end);
}

stream_item begin_item(const stream_choice& choice, position end,
                       bool is_from_end) {
  return item_of(
    {{"type", "begin"}, {"stream", choice.stream}, {"end", number(end)}},
    is_from_end ? std::optional{end} : std::nullopt);
}

stream_item alive_item(std::optional<position> at) {
  auto out = json_value::object();
  out.add("type", "alive");
  return item_of(std::move(out), at);
}

stream_item last_item(const std::string& type, const std::string& cause) {
  return item_of({{"type", type}, {"cause", cause}}, std::nullopt);
}

std::string framed(const stream_item& what, bool is_websocket) {
  if (is_websocket)
    return frame_bytes(frame_kind::text, what.json);
  std::string out;
  if (what.at)
    out = "id: " + number(*what.at) + "\n";
  return out + "event: " + what.type + "\ndata: " + what.json + "\n\n";
}

} // namespace millrace::nodes::http
