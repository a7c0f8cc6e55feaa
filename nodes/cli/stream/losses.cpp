#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
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

void declare(option_list& list, stream_losses_options& into) {
  list.text("STREAM", into.stream, "Name of the stream").required();
  declare_streams(list, into);
}

std::string ids_text(const json_value& what) {
  const auto first = what.at("first_id").integer().value_or(0);
  const auto last = what.at("last_id").integer().value_or(0);
  if (first == 0 && last == 0)
    return "";
  return first == last || first == 0
           ? fmt::format(", id {}", last)
           : fmt::format(", ids {} to {}", first, last);
}

/// Of a refusal there may be no place.
std::string range_text(const json_value& what) {
  const auto& from = what.at("from");
  const auto& to = what.at("to");
  if (from != to)
    return fmt::format(" from {} to {}", place_text(from), place_text(to));
  return from.natural().value_or(0) == 0 ? "" : " at " + place_text(from);
}

std::string line_of(const told_loss& loss) {
  const auto& what = loss.what;
  const auto& input = what.at("input").text_or_empty();
  const auto& origin = what.at("origin").text_or_empty();
  return fmt::format("{} {}{}{}{}{}: {} (by {})\n",
                     text::time_text(what.at("time").integer().value_or(0)),
                     what.at("kind").text_or_empty(), range_text(what),
                     input.empty() ? "" : " of input " + input,
                     origin.empty() ? "" : ", origin " + origin, ids_text(what),
                     what.at("cause").text_or_empty(),
                     text::joined(loss.nodes));
}

json_value to_json(const told_losses& told) {
  auto all = json_value::array();
  for (const auto& each : told.losses) {
    auto row = each.what;
    row.add("nodes", each.nodes);
    all.add(std::move(row));
  }
  return {{"losses", std::move(all)},
          {"silent", told.silent},
          {"forgotten", told.forgotten}};
}

/// What could not be asked may know of more: that is no success.
int list_losses(const stream_losses_options& options) {
  auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  const auto told
    = stream_losses(*cluster->host, cluster->config, options.stream);
  if (!told)
    return fail(told.failure());
  if (options.output == output_format::json) {
    print_text(to_json(*told).dump(2));
  } else {
    std::string lines;
    if (told->forgotten != 0)
      lines += fmt::format("{} older ones are not kept any more\n",
                           told->forgotten);
    for (const auto& each : told->losses)
      lines += line_of(each);
    print_text(lines.empty() ? "nothing was lost, refused or let go" : lines);
  }
  return told->silent.empty()
           ? exit_ok
           : fail({errc::unavailable, "stream '" + options.stream
                                        + "': not asked, because they do not "
                                          "answer: "
                                        + text::joined(told->silent)});
}

} // namespace

const command<stream_losses_options> stream_losses_command{
  {"losses",
   "List what a stream lost, refused or let go, with places and ids; exit code "
   "69 when a node of it cannot be asked",
   "millrace stream losses market --config examples/local.toml"},
  declare,
  list_losses};

} // namespace millrace::nodes
