#include <millrace/actors/rt/sequence/group_forming.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/running_process.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;
using text::json_value;

result<cluster_config> load_stream(const std::string& path,
                                   const std::string& stream) {
  auto config = load_cluster(path);
  if (!config)
    return config;
  if (auto known = configured_stream(*config, stream); !known)
    return known.failure();
  return config;
}

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
                          {"against", said.at("against")}});
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
  return told.at("leader").is_null()
           ? fail({errc::unavailable,
                   "stream '" + options.stream + "': no node orders it; "
                     + (swapped(told)
                          ? "stop the nodes, and give each its own directory "
                            "back"
                          : "if a majority cannot come back, 'millrace stream "
                            "recover' says what is left")})
           : static_cast<int>(exit_ok);
}

struct member_change {
  std::string config;
  std::string stream;
  std::string leaving;
  std::string joining; ///< Empty: nobody takes the place.
  uint64_t timeout_s;
  output_format output;
};

void print_change(const member_change& what) {
  if (what.output == output_format::json)
    fmt::print("{}\n", json_value{{"stream", what.stream},
                                  {"left", what.leaving},
                                  {"joined", what.joining.empty()
                                               ? json_value{}
                                               : json_value{what.joining}}}
                         .dump());
  else
    fmt::print("stream {}: {} left{}\n", what.stream, what.leaving,
               what.joining.empty() ? "" : ", " + what.joining + " votes");
}

/// Nothing is done about a process that is in no group: it did not leave.
error check_member(runtime& host, const cluster_config& config,
                   const member_change& what) {
  const auto facts = stream_status(host, config, what.stream);
  if (!facts)
    return facts.failure();
  const auto is_member = [&](const std::string& process) {
    const auto prefix = to_string(rt::node_id_of(process)) + ".";
    const auto& members = facts->at("group").at("members").elements();
    return std::any_of(
      members.begin(), members.end(), [&](const json_value& each) {
        return each.at("id").text_or_empty().starts_with(prefix);
      });
  };
  // One that was replaced before is known to the configuration.
  if (is_member(what.leaving)
      || (!what.joining.empty() && config.process(what.leaving) != nullptr))
    return {};
  return {errc::not_found, "'" + what.leaving + "' is not in the group of '"
                             + what.stream
                             + "'; 'millrace stream members' lists who is"};
}

/// Asks the leader again and again, whoever that is, until it is done.
int change(const member_change& what) {
  const auto& stream = what.stream;
  const auto& joining = what.joining;
  const auto config = load_stream(what.config, stream);
  if (!config)
    return fail(config.failure());
  const auto members = config->members_of(stream);
  if (!joining.empty()
      && std::none_of(members.begin(), members.end(),
                      [&](const auto* each) { return each->name == joining; }))
    return fail({errc::not_found, config->path + ": '" + joining
                                    + "' does not order stream '" + stream
                                    + "': first give it that there"});
  auto host
    = runtime::create(*config, {.env = {.io_threads = 1, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  if (auto fault = check_member(**host, *config, what))
    return fail(fault);
  auto& clock = *(*host)->env().clock;
  const auto until = clock.monotonic_ns()
                     + static_cast<int64_t>(what.timeout_s) * 1'000'000'000;
  // For some seconds the group counts a process as running that was stopped.
  const auto heard_until = clock.monotonic_ns() + 5'000'000'000;
  const auto is_refusal = [&](const error& fault) {
    return fault && fault.code == errc::invalid_argument
           && (clock.monotonic_ns() >= heard_until
               || !node_of_running(**host, *config, what.leaving).empty());
  };
  error last{errc::timeout, "stream '" + stream
                              + "': the change is not agreed on yet; run this "
                                "again to go on with it"};
  while (clock.monotonic_ns() < until) {
    auto at = find_stream(**host, *config, stream, 3s);
    if (!at)
      return fail(at.failure());
    bool done = false;
    error fault;
    {
      guest self{(*host)->system()};
      self
        ->request(*at, caf::timespan{3s}, members_atom_v,
                  rt::node_id_of(what.leaving),
                  joining.empty() ? node_id{} : rt::node_id_of(joining))
        .receive([&](bool is) { done = is; },
                 [&](const caf::error& why) { fault = from_caf(why); });
    }
    if (done) {
      print_change(what);
      return exit_ok;
    }
    if (is_refusal(fault))
      return fail(fault);
    if (fault)
      last = fault;
    guest{(*host)->system()}.pause(200ms);
  }
  return fail(last);
}

void declare(option_list& list, stream_replace_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list.text("LEAVING", into.leaving, "The rt process that leaves").required();
  list.text("JOINING", into.joining, "The rt process that takes its place")
    .required();
  list.number("--timeout", into.timeout_s, uint64_t{1}, uint64_t{86'400},
              "Seconds until it must be done; default: 60");
  declare_output(list, into.output);
}

int replace(const stream_replace_options& options) {
  return change({options.config, options.stream, options.leaving,
                 options.joining, options.timeout_s, options.output});
}

void declare(option_list& list, stream_remove_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list.text("LEAVING", into.leaving, "The rt process that leaves").required();
  list.number("--timeout", into.timeout_s, uint64_t{1}, uint64_t{86'400},
              "Seconds until it must be done; default: 60");
  declare_output(list, into.output);
}

int remove_member(const stream_remove_options& options) {
  return change({options.config, options.stream, options.leaving, "",
                 options.timeout_s, options.output});
}

void declare(command_list& list) {
  list.add(stream_ls_command);
  list.add(stream_info_command);
  list.add(stream_create_command);
  list.add(stream_prune_command);
  list.add(stream_archive_command);
  list.add(stream_reset_command);
  list.add(stream_losses_command);
  list.add(stream_give_up_command);
  list.add(stream_members_command);
  list.add(stream_replace_command);
  list.add(stream_remove_command);
  list.add(stream_recover_command);
  list.add(stream_explain_pos_command);
}

} // namespace

const command<stream_members_options> stream_members_command{
  {"members", "Show who orders a stream; exit code 69 when nobody does",
   "millrace stream members market --config examples/local.toml"},
  declare,
  members};

const command<stream_replace_options> stream_replace_command{
  {"replace", "Let one rt process take the place of another in a stream",
   "millrace stream replace market rt3 rt4 --config examples/cluster.toml"},
  declare,
  replace};

const command<stream_remove_options> stream_remove_command{
  {"remove", "Take an rt process out of the group that orders a stream",
   "millrace stop rt3 --config examples/cluster.toml\n"
   "  millrace stream remove market rt3 --config examples/cluster.toml"},
  declare,
  remove_member};

const command_group stream_commands{
  {"stream",
   "Look after streams, their files and the rt processes that order them",
   "millrace stream ls"},
  declare};

} // namespace millrace::nodes
