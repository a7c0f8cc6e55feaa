#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

using text::json_value;

int list_streams(const stream_options& options) {
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  auto all = json_value::array();
  auto lines = fmt::format("{:<16} {:<7} {:>20} {:>20} {}\n", "stream", "mode",
                           "begin", "end", "files held by");
  int code = exit_ok;
  for (const auto& stream : cluster->config.streams) {
    const auto facts
      = whole_stream_status(*cluster->host, cluster->config, stream.name);
    if (!facts) {
      code = fail(facts.failure());
      continue;
    }
    if (!is_ordered(*facts))
      code = fail_unordered(stream.name);
    const auto& collection = facts->at("collection");
    json_value row{{"stream", stream.name},
                   {"mode", facts->at("mode")},
                   {"begin", collection.at("begin")},
                   {"end", facts->at("end")},
                   {"ordered", is_ordered(*facts)},
                   {"publishers", facts->at("publishers")},
                   {"subscribers", facts->at("subscribers")},
                   {"held_by", collection.at("held_by")}};
    if (!stream.publisher.empty())
      row.add("published_by", stream.publisher);
    all.add(std::move(row));
    lines += fmt::format(
      "{:<16} {:<7} {:>20} {:>20} {}\n", stream.name,
      facts->at("mode").text_or_empty(), place_text(collection.at("begin")),
      place_text(facts->at("end")),
      stream.publisher.empty()
        ? collection.at("held_by").text_or_empty()
        : "(published by " + stream.publisher + ", no rt orders it)");
  }
  print_text(options.output == output_format::json ? all.dump(2) : lines);
  return code;
}

} // namespace

const command<stream_options> stream_ls_command{
  {"ls", "List the streams, where they begin and end",
   "millrace stream ls --config examples/local.toml"},
  declare_streams,
  list_streams};

} // namespace millrace::nodes
