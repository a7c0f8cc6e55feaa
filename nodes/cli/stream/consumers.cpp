#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/consumers.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/consumer_lag.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
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

/// How long ago the stream heard of it.
std::optional<int64_t> heard_ms(const consumer_lag& lag, int64_t now_ns) {
  if (!lag.heard_ns)
    return std::nullopt;
  return std::max<int64_t>(0, (now_ns - *lag.heard_ns) / 1'000'000);
}

/// "connected", or since when it is not, as far as the stream knows.
std::string heard_text(const consumer_lag& lag, int64_t now_ns) {
  if (lag.connected)
    return "connected";
  const auto ago_ms = heard_ms(lag, now_ns);
  if (!ago_ms)
    return "never heard of";
  const auto seconds = *ago_ms / 1000;
  if (seconds < 120)
    return fmt::format("{} s ago", seconds);
  if (seconds < 7200)
    return fmt::format("{} min ago", seconds / 60);
  return seconds < 2 * 86'400 ? fmt::format("{} h ago", seconds / 3600)
                              : fmt::format("{} days ago", seconds / 86'400);
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
          {"oldest_ms", age ? json_value{*age} : json_value{}},
          {"agreed", lag.agreed ? json_value{lag.agreed->value} : json_value{}},
          {"configured", lag.configured},
          {"connected", lag.connected},
          {"process", lag.process},
          {"heard_ms", heard_ms(lag, now_ns)
                         ? json_value{*heard_ms(lag, now_ns)}
                         : json_value{}}};
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
  // An empty list would say that there are none.
  if (told.lags.empty() && told.code != exit_ok)
    return told.code;
  auto lines = fmt::format("{:<16} {:<16} {:>20} {:>12} {:>14} {:>12}  {}\n",
                           "consumer", "stream", "needs from", "messages",
                           "bytes", "oldest", "heard");
  for (const auto& lag : told.lags)
    lines += fmt::format("{:<16} {:<16} {:>20} {:>12} {:>14} {:>12}  {}\n",
                         lag.consumer, lag.stream, place_of(lag), lag.messages,
                         lag.bytes, age_text(lag, told.now_ns),
                         heard_text(lag, told.now_ns));
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
      "messages    {}\nbytes       {}\noldest      {}\nheard       {}{}\n"
      "kept from   {}\nis          {}\n",
      lag.consumer, lag.stream,
      lag.needs_from ? to_string(*lag.needs_from)
                     : "has not told: all is kept for it",
      to_string(lag.end), lag.messages, lag.bytes, age_text(lag, told.now_ns),
      heard_text(lag, told.now_ns),
      lag.process.empty() ? "" : ", process " + lag.process,
      lag.agreed ? to_string(*lag.agreed) : "its beginning",
      lag.configured ? "an rdb of the configuration"
                     : "a subscription that took this name");
  if (options.output == output_format::json)
    print_text(to_json(told).dump(2));
  else if (!lines.empty())
    print_text(lines);
  return told.code;
}

void declare_rm(option_list& list, consumer_rm_options& into) {
  list.text("CONSUMER", into.consumer, "Name of the consumer").required();
  list
    .text(
      "--stream", into.stream,
      "Whose consumer it is; needed only where several have one of the name")
    .shown_as("STREAM");
  list.flag("--dry-run", into.dry_run,
            "Only say what it needs, and which files are kept for it alone");
  declare_streams(list, into);
}

/// The stream that has such a consumer.
result<std::string> stream_of(const asked_cluster& cluster,
                              const consumer_rm_options& options) {
  if (!options.stream.empty()) {
    if (auto known = configured_stream(cluster.config, options.stream); !known)
      return known.failure();
    return options.stream;
  }
  std::vector<std::string> known;
  std::vector<std::string> streams;
  for (const auto& stream : cluster.config.streams) {
    const auto facts
      = stream_status(*cluster.host, cluster.config, stream.name);
    if (!facts)
      return facts.failure();
    for (const auto& each :
         facts->at("collection").at("consumers").elements()) {
      known.push_back(each.at("consumer").text_or_empty());
      if (known.back() == options.consumer)
        streams.push_back(stream.name);
    }
  }
  if (streams.size() == 1)
    return streams.front();
  if (streams.empty())
    return error{errc::not_found,
                 "'" + options.consumer
                   + "': no stream has such a consumer; 'millrace consumer ls' "
                     "lists them"
                   + text::meant(options.consumer, known)};
  return error{errc::invalid_argument,
               "'" + options.consumer + "': streams '" + streams[0] + "' and '"
                 + streams[1]
                 + "' have a consumer of this name; say which with --stream"};
}

int forget(const consumer_rm_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto stream = stream_of(*cluster, options);
  if (!stream)
    return fail(stream.failure());
  const auto report = forget_consumer(*cluster->host, cluster->config, *stream,
                                      options.consumer, options.dry_run);
  if (!report)
    return fail_to_cut(report.failure());
  print_text(
    options.output == output_format::json
      ? report->dump(2)
      : fmt::format(
        "{} of stream {} {} forgotten: it needs all from {}, and {} files of "
        "{} bytes are kept for it alone\n",
        options.consumer, *stream, options.dry_run ? "would be" : "is",
        place_text(report->at("needs_from")),
        report->at("files").natural().value_or(0),
        report->at("bytes").natural().value_or(0)));
  return exit_ok;
}

const command<consumer_rm_options> consumer_rm_command{
  {"rm",
   "Forget a consumer that is gone for good; 1 for one that is connected, or "
   "an rdb of the configuration",
   "millrace sub --stream market --consumer risk --until end --config "
   "examples/local.toml && millrace consumer rm risk --config "
   "examples/local.toml"},
  declare_rm,
  forget};

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
  list.add(consumer_rm_command);
}

} // namespace

const command_group consumer_commands{
  {"consumer",
   "Show, and forget, those that lose nothing of a stream, such as rdbs",
   "millrace consumer ls"},
  declare_all};

} // namespace millrace::nodes
