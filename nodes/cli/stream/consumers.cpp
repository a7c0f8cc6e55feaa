#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/consumers.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/consumer_lag.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace millrace::nodes {

namespace {

using text::json_value;

struct told_consumers {
  std::vector<consumer_lag> lags;
  int64_t now_ns = 0; ///< When they were asked.
  int code = exit_ok; ///< Of a stream that could not be asked.
};

told_consumers ask_all(const asked_cluster& cluster) {
  told_consumers out;
  for (const auto& stream : cluster.config.streams) {
    auto lags = consumer_lags(*cluster.host, cluster.config, stream.name);
    if (lags)
      std::move(lags->begin(), lags->end(), std::back_inserter(out.lags));
    else
      out.code = fail(lags.failure());
  }
  out.now_ns = cluster.host->env().clock->now_ns();
  return out;
}

/// How long ago the first message that it needs was published.
std::optional<int64_t> age_ms(const consumer_lag& lag, int64_t now_ns) {
  if (!lag.oldest_ns)
    return std::nullopt;
  return std::max<int64_t>(0, (now_ns - *lag.oldest_ns) / 1'000'000);
}

json_value to_json(const consumer_lag& lag, int64_t now_ns) {
  const auto age = age_ms(lag, now_ns);
  return {{"consumer", lag.consumer},
          {"stream", lag.stream},
          {"needs_from",
           lag.needs_from ? json_value{lag.needs_from->value} : json_value{}},
          {"end", lag.end.value},
          {"messages", lag.messages},
          {"bytes", lag.bytes},
          {"oldest_ms", age ? json_value{*age} : json_value{}}};
}

json_value to_json(const told_consumers& told) {
  auto out = json_value::array();
  for (const auto& lag : told.lags)
    out.add(to_json(lag, told.now_ns));
  return out;
}

std::string place_of(const consumer_lag& lag) {
  return lag.needs_from ? to_string(*lag.needs_from) : "not told";
}

std::string age_text(const consumer_lag& lag, int64_t now_ns) {
  const auto age = age_ms(lag, now_ns);
  return age ? fmt::format("{:.1f} s", static_cast<double>(*age) / 1000) : "-";
}

int list_consumers(const stream_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto told = ask_all(*cluster);
  auto lines
    = fmt::format("{:<16} {:<16} {:>20} {:>12} {:>14} {:>12}\n", "consumer",
                  "stream", "needs from", "messages", "bytes", "oldest");
  for (const auto& lag : told.lags)
    lines += fmt::format("{:<16} {:<16} {:>20} {:>12} {:>14} {:>12}\n",
                         lag.consumer, lag.stream, place_of(lag), lag.messages,
                         lag.bytes, age_text(lag, told.now_ns));
  print_text(options.output == output_format::json ? to_json(told).dump(2)
                                                   : lines);
  return told.code;
}

void declare(option_list& list, consumer_info_options& into) {
  list.text("CONSUMER", into.consumer, "Name of the consumer, such as an rdb's")
    .required();
  declare_streams(list, into);
}

int show_consumer(const consumer_info_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  auto told = ask_all(*cluster);
  std::vector<std::string> known;
  for (const auto& lag : told.lags)
    known.push_back(lag.consumer);
  std::erase_if(told.lags, [&](const consumer_lag& lag) {
    return lag.consumer != options.consumer;
  });
  if (told.lags.empty() && told.code == exit_ok)
    return fail({errc::not_found,
                 "'" + options.consumer
                   + "': no stream has such a consumer; 'millrace consumer ls' "
                     "lists them"
                   + text::meant(options.consumer, known)});
  std::string lines;
  for (const auto& lag : told.lags)
    lines += fmt::format(
      "consumer    {}\nstream      {}\nneeds from  {}\nends at     {}\n"
      "messages    {}\nbytes       {}\noldest      {}\n",
      lag.consumer, lag.stream,
      lag.needs_from ? to_string(*lag.needs_from)
                     : "has not told: all is kept for it",
      to_string(lag.end), lag.messages, lag.bytes, age_text(lag, told.now_ns));
  if (options.output == output_format::json)
    print_text(to_json(told).dump(2));
  else if (!lines.empty())
    print_text(lines);
  return told.code;
}

const command<stream_options> consumer_ls_command{
  {"ls", "List consumers that lose nothing, and what they still need",
   "millrace consumer ls --config examples/local.toml"},
  declare_streams,
  list_consumers};

const command<consumer_info_options> consumer_info_command{
  {"info", "Show what one consumer still needs of its stream",
   "millrace consumer info rdb1 --config examples/local.toml"},
  declare,
  show_consumer};

void declare_all(command_list& list) {
  list.add(consumer_ls_command);
  list.add(consumer_info_command);
}

} // namespace

const command_group consumer_commands{
  {"consumer",
   "Show what is kept for those that lose nothing of a stream, such as rdbs",
   "millrace consumer ls"},
  declare_all};

} // namespace millrace::nodes
