#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/cli/line_rows.hpp>
#include <millrace/nodes/cli/sub_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/logging.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/query/plan/time_text.hpp>
#include <millrace/query/table/result.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <date/date.h>
#include <mutex>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A payload as {"data": text}, or as {"hex": digits} when it is no UTF-8.
void put_payload(ordered_json& line, std::string_view payload) {
  try {
    (void)ordered_json(payload).dump();
    line["data"] = payload;
  } catch (const nlohmann::json::exception&) {
    constexpr auto digits = "0123456789abcdef";
    std::string hex;
    for (const char c : payload) {
      const auto byte = static_cast<unsigned char>(c);
      hex.push_back(digits[byte >> 4]);
      hex.push_back(digits[byte & 15]);
    }
    line["hex"] = hex;
  }
}

std::string day_text(int64_t day) {
  return date::format("%F", date::sys_days{date::year{2000} / 1 / 1}
                              + date::days{day});
}

/// Writes what is delivered to standard output, a line a message.
class line_writer {
public:
  explicit line_writer(const sub_options& options) : options_{&options} {}

  /// @returns whether the message was one that is printed.
  result<bool> write(const rt::message& message, position end) {
    if (!options_->table.empty())
      return write_rows(message);
    return options_->format == line_format::json ? write_json(message, end)
                                                 : write_csv(message, end);
  }

  error write(const stream_event& event, const std::string& topic) {
    if (options_->format == line_format::csv || !options_->table.empty()) {
      std::fprintf(stderr, "%s\n", rt::describe(event, topic).c_str());
      return {};
    }
    return put(ordered_json{{"event", to_string(event.kind)},
                            {"from", event.from.value},
                            {"to", event.to.value},
                            {"on", event.origin},
                            {"cause", event.cause}}
                 .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
               + "\n");
  }

  error write_period(int64_t period, position end) {
    const auto day = day_text(period);
    if (options_->format == line_format::csv || !options_->table.empty()) {
      std::fprintf(stderr, "period %s ended\n", day.c_str());
      return {};
    }
    return put(
      ordered_json{{"end_of_period", day}, {"position", end.value}}.dump()
      + "\n");
  }

  /// What is printed is seen, also through a pipe.
  static error flush() {
    if (std::fflush(stdout) != 0)
      return {errc::storage_failed, "standard output: write failed"};
    return {};
  }

private:
  static error put(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
      return {errc::storage_failed, "standard output: write failed"};
    return {};
  }

  result<bool> write_rows(const rt::message& message) {
    if (message.kind != payload_kind::table_batch)
      return false;
    auto batch = decode_batch(message.payload);
    if (!batch)
      return batch.failure();
    if (batch->table != options_->table)
      return false;
    const auto table = to_table(*batch);
    std::string text;
    if (options_->format == line_format::json) {
      for (const auto& row : json_rows(table))
        text += row + "\n";
    } else {
      text = query::to_text(table, query::result_format::csv);
      if (header_written_)
        text.erase(0, text.find('\n') + 1);
      header_written_ = true;
    }
    if (auto fault = put(text))
      return fault;
    return true;
  }

  result<bool> write_json(const rt::message& message, position end) {
    ordered_json line{{"position", end.value},
                      {"on", message.header.on},
                      {"id", message.header.id},
                      {"ts", format_time(message.header.ts)}};
    if (message.kind == payload_kind::table_batch) {
      auto batch = decode_batch(message.payload);
      if (!batch)
        return batch.failure();
      line["table"] = batch->table;
      auto rows = ordered_json::array();
      for (const auto& row : json_rows(to_table(*batch)))
        rows.push_back(ordered_json::parse(row));
      line["rows"] = std::move(rows);
    } else if (message.kind == payload_kind::table_schema) {
      auto schema
        = decode_table_schema(message.payload.data(), message.payload.size());
      if (!schema)
        return schema.failure();
      line["schema"] = schema->name;
      auto columns = ordered_json::array();
      for (const auto& column : schema->columns)
        columns.push_back(column.name + ":"
                          + std::string{to_string(column.type)});
      line["columns"] = std::move(columns);
    } else {
      put_payload(line, as_text(message.payload));
    }
    if (auto fault
        = put(line.dump(-1, ' ', false, ordered_json::error_handler_t::replace)
              + "\n"))
      return fault;
    return true;
  }

  /// Payloads of the user's own only: rows of a table want `--table`.
  result<bool> write_csv(const rt::message& message, position end) {
    if (message.kind != payload_kind::opaque)
      return false;
    std::string text;
    if (!header_written_)
      text = "position,on,id,ts,data\n";
    header_written_ = true;
    text += std::to_string(end.value) + ",";
    append_csv_text(text, message.header.on);
    text += "," + std::to_string(message.header.id) + ","
            + format_time(message.header.ts) + ",";
    append_csv_text(text, as_text(message.payload));
    if (auto fault = put(text + "\n"))
      return fault;
    return true;
  }

  const sub_options* options_;
  bool header_written_ = false;
};

result<start_spec> start_of(const std::string& text) {
  start_spec start;
  if (text == "begin") {
    start.kind = start_spec::begin;
    return start;
  }
  if (text == "end") {
    start.kind = start_spec::end;
    return start;
  }
  const auto* last = text.data() + text.size();
  if (const auto [end, fault]
      = std::from_chars(text.data(), last, start.position);
      fault == std::errc{} && end == last) {
    start.kind = start_spec::at_position;
    return start;
  }
  auto time = query::parse_time(text);
  if (!time)
    return error{errc::invalid_argument,
                 "--from '" + text
                   + "': not begin, end, a position, or a time"};
  start.kind = start_spec::at_time;
  start.time_ns = time->ns;
  return start;
}

/// What callbacks tell the thread that waits.
struct ending {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  error fault;

  void set(const error& why) {
    const std::scoped_lock lock{mutex};
    if (!done)
      fault = why;
    done = true;
    changed.notify_all();
  }
};

rt::subscription_handlers handlers_of(const sub_options& options,
                                      std::shared_ptr<line_writer> out,
                                      std::shared_ptr<rt::subscription> control,
                                      std::shared_ptr<ending> end) {
  rt::subscription_handlers on;
  auto stop = [control, end](const error& why) {
    end->set(why);
    control->unsubscribe();
  };
  on.on_message = [out, stop, printed = uint64_t{0}, count = options.count](
                    const rt::message& message, position at) mutable {
    auto wrote = out->write(message, at);
    if (!wrote)
      return stop(wrote.failure());
    if (*wrote && ++printed == count)
      stop(line_writer::flush());
  };
  on.on_event = [out, stop, topic = options.stream](const stream_event& event) {
    if (auto fault = out->write(event, topic))
      stop(fault);
  };
  on.on_period = [out, stop](int64_t period, position at) {
    if (auto fault = out->write_period(period, at))
      stop(fault);
  };
  on.on_batch_end = [stop](position) {
    if (auto fault = line_writer::flush())
      stop(fault);
  };
  on.on_failure = [end](const error& why) { end->set(why); };
  return on;
}

} // namespace

int run_sub(const sub_options& options) {
  auto start = start_of(options.from);
  if (!start)
    return fail(start.failure());
  std::optional<cluster_config> config;
  if (!options.stream.starts_with('/')) {
    auto loaded = load_cluster(options.config);
    if (!loaded)
      return fail(loaded.failure());
    config = *std::move(loaded);
  }
  auto host = runtime::create({.config = config.value_or(cluster_config{}),
                               .env = {.io_threads = 1, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  if (config) {
    if (config->stream(options.stream) == nullptr)
      return fail({errc::not_found, config->path + ": no [[stream]] is named '"
                                      + options.stream + "'"});
    if (!options.table.empty() && config->table(options.table) == nullptr)
      return fail({errc::not_found, config->path + ": no [[table]] is named '"
                                      + options.table + "'"});
    auto at = endpoint_of_stream(*config, options.stream);
    if (!at)
      return fail(at.failure());
    // Says at once when nobody is there; a subscriber waits for ever.
    if (auto rt = (*host)->find(*at, 3s); !rt)
      return fail(rt.failure());
  }
  interrupts signals;
  auto control = std::make_shared<rt::subscription>(options.stream);
  auto end = std::make_shared<ending>();
  auto handlers = handlers_of(options, std::make_shared<line_writer>(options),
                              control, end);
  if (auto running = (*host)->subscribe(options.stream, std::move(handlers),
                                        {.start = *start, .control = control});
      !running)
    return fail(running.failure());
  {
    std::unique_lock lock{end->mutex};
    while (!end->done && !signals.raised())
      end->changed.wait_for(lock, 50ms);
  }
  control->unsubscribe();
  host->reset();
  return end->fault ? fail(end->fault) : static_cast<int>(exit_ok);
}

} // namespace millrace::nodes
