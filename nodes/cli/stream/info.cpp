#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_info_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  declare_streams(list, into);
}

std::string lines_of(const std::string& stream, const text::json_value& facts) {
  const auto& collection = facts.at("collection");
  const auto published_by = facts.at("published_by").text_or_empty();
  auto out = fmt::format(
    "stream       {}\n{}begin        {}\nend          {}\npublishers   {}\n"
    "subscribers  {}\n{}ids          {}\nduplicates   {}\nfences       {}\n"
    "losses       {}\n"
    "consumers\n",
    stream,
    published_by.empty()
      ? std::string{}
      : "published by " + published_by + ", no rt orders it\n",
    place_text(collection.at("begin")), place_text(facts.at("end")),
    facts.at("publishers").natural().value_or(0),
    facts.at("subscribers").natural().value_or(0),
    subscriber_lines(facts.at("connected")),
    facts.at("id_policy").text() == nullptr ? "-"
                                            : *facts.at("id_policy").text(),
    facts.at("duplicates").natural().value_or(0),
    facts.at("fences").natural().value_or(0),
    facts.at("losses").natural().value_or(0));
  out += consumer_lines(collection.at("consumers"));
  for (const auto& [key, what] :
       {std::pair{"pruned_by", "pruned by"},
        std::pair{"held_by", "files are held by"},
        std::pair{"failure", "files could not be removed:"}})
    if (const auto* said = collection.at(key).text();
        said != nullptr && !said->empty())
      out += fmt::format("{} {}\n", what, *said);
  for (const auto& each : collection.at("left_behind").elements())
    out
      += fmt::format("left behind  {}: nothing is kept for it\n", *each.text());
  return out;
}

/// What each node does, and whether any orders the stream.
std::string node_lines(const text::json_value& facts) {
  std::string out = "nodes\n";
  for (const auto& each : facts.at("nodes").elements())
    out += fmt::format(
      "  {}: {}, ends at {}\n", each.at("node").text_or_empty(),
      each.at("leads").boolean().value_or(false) ? "leads" : "follows",
      place_text(each.at("end")));
  for (const auto& each : facts.at("silent").elements())
    out += fmt::format("  {}: does not answer; who is connected there is not "
                       "known\n",
                       each.text_or_empty());
  return out;
}

int show(const stream_info_options& options) {
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto facts
    = whole_stream_status(*cluster->host, cluster->config, options.stream);
  if (!facts)
    return fail(facts.failure());
  print_text(options.output == output_format::json
               ? facts->dump(2)
               : lines_of(options.stream, *facts) + node_lines(*facts));
  return is_ordered(*facts) ? exit_ok : fail_unordered(options.stream);
}

} // namespace

const command<stream_info_options> stream_info_command{
  {"info", "Show a stream's positions, and what its consumers need",
   "millrace stream info market --config examples/local.toml"},
  declare,
  show};

} // namespace millrace::nodes
