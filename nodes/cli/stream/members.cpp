#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::json_value;

void declare(option_list& list, stream_members_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  declare_output(list, into.output);
}

/// What each rt process says of itself, and the one that leads of the members.
json_value members_of(const cluster_config& config, const std::string& stream,
                      const json_value& live) {
  const auto& nodes = live.at("streams").at(stream);
  json_value out{{"stream", stream},
                 {"leader", {}},
                 {"processes", json_value::array()},
                 {"members", json_value::array()}};
  for (const auto* member : config.members_of(stream)) {
    const auto& said = nodes.at(member->name);
    const auto& group = said.at("group");
    out["processes"].add({{"process", member->name},
                          {"answers", !said.is_null()},
                          {"role", group.at("role")},
                          {"term", group.at("term")},
                          {"committed", group.at("commit")},
                          {"end", said.at("end")},
                          {"end_text", said.at("end_text")},
                          {"whose", group.at("whose")},
                          {"against", said.at("against")},
                          {"blocked", said.at("repair").at("blocked")}});
    if (!said.at("leads").boolean().value_or(false))
      continue;
    out["leader"] = member->name;
    for (const auto& each : group.at("members").elements())
      // The node that leads calls itself "self", which says nothing here.
      out["members"].add(
        {{"process", cell_text(each.at("id")) == cell_text(group.at("self"))
                       ? json_value{member->name}
                       : each.at("name")},
         {"id", each.at("id")},
         {"votes", each.at("votes")},
         {"durable", each.at("durable")},
         {"heard_ms", each.at("heard_ms")}});
  }
  return out;
}

bool says(const json_value& process, std::string_view what) {
  const auto* text = process.at(what).text();
  return text != nullptr && !text->empty();
}

/// Somebody works in the directory of another one.
bool swapped(const json_value& told) {
  const auto& all = told.at("processes").elements();
  return std::any_of(all.begin(), all.end(), [](const json_value& each) {
    return says(each, "whose");
  });
}

void print_members(const json_value& told) {
  for (const auto& each : told.at("processes").elements()) {
    const bool answers = each.at("answers").boolean().value_or(false);
    fmt::print("{}: {}", cell_text(each.at("process")),
               answers ? cell_text(each.at("role")) : "does not answer");
    if (answers)
      fmt::print(", term {}, committed {}, end {}", cell_text(each.at("term")),
                 cell_text(each.at("committed")),
                 cell_text(each.at("end_text")));
    if (says(each, "whose"))
      fmt::print(", in the directory of {}", cell_text(each.at("whose")));
    if (says(each, "against"))
      fmt::print(", takes nothing from member {}, which has lost what was "
                 "agreed on",
                 cell_text(each.at("against")));
    fmt::print("\n");
  }
  for (const auto& each : told.at("members").elements())
    fmt::print("member {} ({}): {}{}\n", cell_text(each.at("process")),
               cell_text(each.at("id")),
               each.at("votes").boolean().value_or(false) ? "votes" : "learns",
               each.at("durable").is_null()
                 ? ""
                 : ", holds " + cell_text(each.at("durable")) + ", heard "
                     + cell_text(each.at("heard_ms")) + " ms ago");
}

/// The members, as the node says that knows best.
int members(const stream_members_options& options) {
  const auto config = load_stream(options.config, options.stream);
  if (!config)
    return fail(config.failure());
  const auto live = collect_status(*config);
  if (!live)
    return fail(live.failure());
  const auto told = members_of(*config, options.stream, *live);
  if (options.output == output_format::json)
    fmt::print("{}\n", told.dump(2));
  else
    print_members(told);
  if (!told.at("leader").is_null())
    return exit_ok;
  if (const auto why = why_not_told(*live))
    return fail(why);
  for (const auto& each : told.at("processes").elements())
    if (says(each, "blocked"))
      return fail({errc::unavailable,
                   "stream '" + options.stream + "': "
                     + blocked_text(cell_text(each.at("process")),
                                    each.at("blocked").text_or_empty())});
  return fail(
    {errc::unavailable,
     "stream '" + options.stream + "': no node orders it; "
       + (swapped(told) ? "stop the nodes, and give each its own directory back"
                        : "if a majority cannot come back, 'millrace stream "
                          "recover' says what is left")});
}

} // namespace

const command<stream_members_options> stream_members_command{
  {"members", "Show who orders a stream; exit code 69 when nobody does",
   "millrace stream members market --config examples/local.toml"},
  declare,
  members};

} // namespace millrace::nodes
