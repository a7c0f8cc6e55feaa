#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/cli/message_writer.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/nodes/lines/payload_text.hpp>
#include <millrace/query/table/result_text.hpp>

#include <cstdio>
#include <span>

namespace millrace::nodes {

using text::json_value;

namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string csv_header(const query::table_data& table) {
  std::string out;
  for (const auto& column : table.columns) {
    if (!out.empty())
      out += ',';
    text::append_csv_field(out, column.name);
  }
  return out + "\n";
}

std::vector<std::string> csv_rows(const query::table_data& table) {
  std::vector<std::string> out(table.row_count);
  std::string cell;
  for (const auto& column : table.columns)
    for (size_t row = 0; row < out.size(); ++row) {
      if (&column != &table.columns.front())
        out[row] += ',';
      cell.clear();
      query::append_cell(cell, column, row);
      text::append_csv_field(out[row], cell);
    }
  return out;
}

} // namespace

result<bool> message_writer::write(const rt::message& message, position end) {
  if (!options_->table.empty())
    return write_rows(message);
  return options_->format == line_format::json ? write_json(message, end)
                                               : write_csv(message, end);
}

error message_writer::write(const stream_event& event,
                            const std::string& topic) {
  if (event.kind == event_kind::schema && !options_->table.empty()) {
    const auto schema
      = decode_table_schema(event.schema.data(), event.schema.size());
    if (schema && schema->name != options_->table)
      return {}; // Of a table that is not asked for.
    learn(event.schema);
    if (schema) {
      std::fprintf(stderr, "stream %s: table '%s' is declared at %s\n",
                   topic.c_str(), schema->name.c_str(),
                   to_string(event.from).c_str());
      return {};
    }
  }
  if (options_->format == line_format::csv || !options_->table.empty()) {
    std::fprintf(stderr, "%s\n", rt::describe(event, topic).c_str());
    return {};
  }
  if (options_->last != 0)
    return {}; // What happened before is not asked for.
  json_value line{{"event", to_string(event.kind)},
                  {"from", event.from.value},
                  {"to", event.to.value},
                  {"on", event.origin},
                  {"cause", event.cause}};
  if (event.first_id != 0)
    line.add("first_id", event.first_id);
  if (event.last_id != 0)
    line.add("last_id", event.last_id);
  return out_->write(line.dump() + "\n");
}

error message_writer::write_period(period_id period, position end) {
  const auto day = text::date_text(period.value);
  if (options_->format == line_format::csv || !options_->table.empty()) {
    std::fprintf(stderr, "period %s ended\n", day.c_str());
    return {};
  }
  if (options_->last != 0)
    return {};
  return out_->write(
    json_value{{"end_of_period", day}, {"position", end.value}}.dump() + "\n");
}

/// Of a table that no configuration declares the stream tells.
void message_writer::learn(std::span<const std::byte> schema) {
  const auto told = decode_table_schema(schema.data(), schema.size());
  if (told && told->name == options_->table && time_column_.empty())
    time_column_ = told->time_column;
}

error message_writer::put(std::string line) {
  if (options_->last != 0) {
    kept_.push_back(std::move(line));
    if (kept_.size() > options_->last)
      kept_.pop_front();
    return {};
  }
  if (!header_written_ && !header_.empty())
    if (auto fault = out_->write(header_))
      return fault;
  header_written_ = true;
  return out_->write(line);
}

error message_writer::finish() {
  if (!header_.empty() && !kept_.empty())
    if (auto fault = out_->write(header_))
      return fault;
  for (const auto& line : kept_)
    if (auto fault = out_->write(line))
      return fault;
  kept_.clear();
  return out_->flush();
}

result<bool> message_writer::write_rows(const rt::message& message) {
  if (message.kind == payload_kind::table_schema)
    learn(message.payload);
  if (message.kind != payload_kind::table_batch)
    return false;
  auto batch = decode_batch(message.payload);
  if (!batch)
    return batch.failure();
  if (batch->table != options_->table)
    return false;
  if (options_->row_time_ns && time_column_.empty())
    return error{errc::not_found,
                 "--from-row-time: which column of table '" + options_->table
                   + "' is the time of a row the stream does not tell from "
                     "where this began: begin before (--from begin), or name a "
                     "configuration that declares it (--config)"};
  const auto table = to_table(*batch);
  const bool json = options_->format == line_format::json;
  auto lines = json ? json_rows(table) : csv_rows(table);
  if (!json && header_.empty())
    header_ = csv_header(table);
  const auto times = options_->row_time_ns ? row_times(table, time_column_)
                                           : std::span<const int64_t>{};
  const auto before = rows_;
  for (size_t row = 0; row < lines.size(); ++row) {
    if (options_->rows != 0 && rows_ == options_->rows)
      break;
    if (options_->row_time_ns
        && (times.empty() || times[row] < *options_->row_time_ns))
      continue;
    ++rows_;
    if (auto fault = put(std::move(lines[row]) + "\n"))
      return fault;
  }
  return rows_ != before;
}

result<bool> message_writer::write_json(const rt::message& message,
                                        position end) {
  json_value line{{"position", end.value},
                  {"on", message.header.on},
                  {"id", message.header.id},
                  {"ts", text::time_text(message.header.ts)}};
  if (message.kind == payload_kind::table_batch) {
    auto batch = decode_batch(message.payload);
    if (!batch)
      return batch.failure();
    line.add("table", batch->table);
    auto& rows = line.add("rows", json_value::array());
    for (const auto& row : json_rows(to_table(*batch))) {
      auto read = text::parse_json(row);
      if (!read)
        return read.failure();
      rows.add(*std::move(read));
    }
  } else if (message.kind == payload_kind::table_schema) {
    auto schema
      = decode_table_schema(message.payload.data(), message.payload.size());
    if (!schema)
      return schema.failure();
    line.add("schema", schema->name);
    auto& columns = line.add("columns", json_value::array());
    for (const auto& column : schema->columns)
      columns.add(column.name + ":" + std::string{to_string(column.type)});
  } else {
    put_payload(line, as_text(message.payload));
  }
  if (auto fault = put(line.dump() + "\n"))
    return fault;
  return true;
}

result<bool> message_writer::write_csv(const rt::message& message,
                                       position end) {
  if (message.kind == payload_kind::table_batch
      || message.kind == payload_kind::table_schema)
    return csv_wants_table({});
  if (message.kind != payload_kind::opaque)
    return false;
  header_ = "position,on,id,ts,data\n";
  auto text = std::to_string(end.value) + ",";
  text::append_csv_field(text, message.header.on);
  text += "," + std::to_string(message.header.id) + ","
          + text::time_text(message.header.ts) + ",";
  // What is no text is written as json lines have it.
  const auto payload = as_text(message.payload);
  json_value hex = json_value::object();
  if (!text::valid_utf8(payload) || payload.find('\0') != payload.npos)
    put_hex(hex, payload);
  text::append_csv_field(text, hex.entries().empty() ? std::string{payload}
                                                     : hex.dump());
  if (auto fault = put(text + "\n"))
    return fault;
  return true;
}

error csv_wants_table(const std::string& tables) {
  return {errc::invalid_argument,
          "csv is of one table, and this stream has rows of tables: name one "
          "with --table"
            + (tables.empty() ? "" : " (" + tables + ")")
            + ", or take --format json"};
}

} // namespace millrace::nodes
