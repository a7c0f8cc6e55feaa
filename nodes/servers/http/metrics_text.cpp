#include <millrace/nodes/servers/http/metrics_text.hpp>

#include <string_view>
#include <utility>

namespace millrace::nodes::http {

namespace {

struct metric {
  std::string_view role; ///< Of the process, as its status has it.
  std::string_view key;  ///< What stands deeper in has dots.
  std::string_view name;
  bool is_counter;
  std::string_view help;
  std::string_view label = {}; ///< Not empty: one per entry of an object.
};

constexpr metric metrics[] = {
  {"discovery", "available", "millrace_discovery_available", false,
   "Processes that are registered and can be asked."},
  {"rt", "end", "millrace_stream_end_position", false,
   "Where the merged stream ends, as a position."},
  {"rt", "leads", "millrace_stream_leads", false,
   "Whether this process leads the group of the stream."},
  {"rt", "pending_bytes", "millrace_stream_pending_bytes", false,
   "Bytes of publishers that are not merged yet."},
  {"rt", "publishers", "millrace_stream_publishers", false,
   "Publishers that are connected."},
  {"rt", "subscribers", "millrace_stream_subscribers", false,
   "Subscribers that are connected."},
  {"rt", "duplicates", "millrace_stream_duplicates_total", true,
   "Messages that came again, and were dropped."},
  {"rt", "refused_messages", "millrace_stream_refused_messages_total", true,
   "Messages that were refused."},
  {"rt", "losses", "millrace_stream_losses", false,
   "Entries of the ledger of what the stream lost."},
  {"rt", "collection.disk_percent", "millrace_stream_disk_percent", false,
   "How full the disk of the stream is."},
  {"rdb", "position", "millrace_rdb_position", false,
   "Where the rdb is in its stream, as a position."},
  {"rdb", "ready", "millrace_rdb_ready", false, "Whether it can be asked."},
  {"rdb", "bytes", "millrace_rdb_bytes", false, "Bytes of its tables."},
  {"rdb", "rows", "millrace_rdb_rows", false, "Rows of its tables.", "table"},
  {"rdb", "rejected_batches", "millrace_rdb_rejected_batches_total", true,
   "Batches that fit no table, and were set aside."},
  {"rdb", "periods_to_write", "millrace_rdb_periods_to_write", false,
   "Ended periods that are not written down yet."},
  {"hdb", "version", "millrace_hdb_manifest_version", false,
   "The manifest that is served."},
  {"hdb", "rows", "millrace_hdb_rows", false, "Rows that it serves.", "table"},
  {"gateway", "answered", "millrace_gateway_answered_total", true,
   "Questions that were answered."},
  {"gateway", "refused", "millrace_gateway_refused_total", true,
   "Questions that were refused, or given up."},
  {"gateway", "running", "millrace_gateway_running", false,
   "Questions that are being answered."},
  {"kdb", "subscriptions", "millrace_kdb_subscriptions", false,
   "Tables that clients are subscribed to."},
  {"kdb", "pushed", "millrace_kdb_pushed_total", true,
   "Messages that were pushed to subscribers."},
  {"http", "rows_published", "millrace_http_published_rows_total", true,
   "Rows that clients published."},
  {"http", "streams", "millrace_http_streams", false,
   "Streams that clients follow."},
  {"http", "pushed", "millrace_http_pushed_total", true,
   "Messages of streams that were pushed to clients."},
  {"http", "cut_off", "millrace_http_streams_cut_off_total", true,
   "Clients of streams that took nothing, and were cut off."},
  {"postgres", "cancelled", "millrace_postgres_cancelled_total", true,
   "Queries that their clients cancelled."},
};

/// What a port of each type says: `millrace_<type>_<name>`.
constexpr metric port_metrics[] = {
  {{}, "connections", "connections", false, "Clients that are connected."},
  {{},
   "connections_total",
   "connections_total",
   true,
   "Clients that connected."},
  {{}, "requests", "requests_total", true, "Requests of clients."},
  {{},
   "failed",
   "failed_total",
   true,
   "Requests that were answered by an error."},
  {{}, "incomplete", "incomplete_total", true, "Answers that may lack rows."},
  {{},
   "refused",
   "refused_total",
   true,
   "Connections that were refused, or ended for what they did."},
  {{},
   "held_bytes",
   "held_bytes",
   false,
   "Bytes that are held for all clients."},
  {{}, "logins", "logins_total", true, "Clients that said who they are."},
  {{},
   "logins_failed",
   "logins_failed_total",
   true,
   "Clients that said so, and had no right password or token."},
  {{},
   "tls_connections",
   "tls_connections_total",
   true,
   "Connections whose handshakes of TLS were done."},
  {{},
   "tls_failed",
   "tls_failed_total",
   true,
   "Connections that ended for what they did of TLS."},
  {{},
   "certificate_days",
   "certificate_days",
   false,
   "Days until the certificate of the port expires."},
  {{}, "bytes_in", "received_bytes_total", true, "Bytes that clients sent."},
  {{}, "bytes_out", "sent_bytes_total", true, "Bytes that clients took."},
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  return std::string{name} + "=\"" + escaped(value) + "\"";
}

/// A number or a truth; empty: something else.
std::string number_of(const text::json_value& value) {
  if (const auto truth = value.boolean())
    return *truth ? "1" : "0";
  return value.number() || value.is_whole() ? value.dump() : std::string{};
}

const text::json_value& deep(const text::json_value& in, std::string_view key) {
  const auto dot = key.find('.');
  return dot == key.npos ? in.at(key)
                         : deep(in.at(key.substr(0, dot)), key.substr(dot + 1));
}

void add_head(std::string& out, std::string_view name, std::string_view help,
              bool is_counter) {
  out += "# HELP " + std::string{name} + " " + std::string{help} + "\n# TYPE "
         + std::string{name} + (is_counter ? " counter\n" : " gauge\n");
}

void add_line(std::string& out, std::string_view name,
              const std::string& labels, const text::json_value& value) {
  const auto number = number_of(value);
  if (!number.empty())
    out += std::string{name} + "{" + labels + "} " + number + "\n";
}

/// Calls f(labels, facts) for each process.
template <class F>
void for_each_process(const text::json_value& status, F f) {
  for (const auto& node : status.at("nodes").elements())
    for (const auto& [process, facts] : node.at("processes").entries()) {
      auto labels = label("node", node.at("name").text_or_empty());
      // Streams are told by "rt/<stream>".
      if (process.starts_with("rt/"))
        labels += "," + label("stream", process.substr(3));
      else
        labels += "," + label("process", process);
      f(labels, facts);
    }
}

void add_metric(std::string& out, const text::json_value& status,
                const metric& what, const std::string& name) {
  std::string lines;
  for_each_process(status, [&](const auto& labels, const auto& facts) {
    if (facts.at("role").text_or_empty() != what.role)
      return;
    const auto& value = deep(facts, what.key);
    if (what.label.empty())
      return add_line(lines, name, labels, value);
    for (const auto& [entry, number] : value.entries())
      add_line(lines, name, labels + "," + label(what.label, entry), number);
  });
  if (lines.empty())
    return;
  add_head(out, name, what.help, what.is_counter);
  out += lines;
}

} // namespace

std::string metrics_text(const text::json_value& status) {
  std::string out;
  add_head(out, "millrace_node_up", "Whether the node answers.", false);
  for (const auto& node : status.at("nodes").elements())
    add_line(out, "millrace_node_up",
             label("node", node.at("name").text_or_empty()),
             node.at("answers"));
  std::string restarts;
  for_each_process(status, [&](const auto& labels, const auto& facts) {
    add_line(restarts, "millrace_process_ended_total", labels,
             facts.at("ended"));
  });
  if (!restarts.empty())
    add_head(out, "millrace_process_ended_total",
             "How often the process ended by itself.", true);
  out += restarts;
  for (const auto& each : metrics)
    add_metric(out, status, each, std::string{each.name});
  for (const auto* type : {"kdb", "http", "postgres"})
    for (auto each : port_metrics) {
      each.role = type;
      add_metric(out, status, each,
                 std::string{"millrace_"} + type + "_"
                   + std::string{each.name});
    }
  return out;
}

} // namespace millrace::nodes::http
