#include <millrace/actors/rt/sequence/group_forming.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/cluster/running_process.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/member_change.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;
using text::json_value;

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
  // One that was replaced before: by the one that is to take its place, or it
  // is known to the configuration.
  if (is_member(what.leaving)
      || (!what.joining.empty()
          && (is_member(what.joining)
              || config.process(what.leaving) != nullptr)))
    return {};
  return {errc::not_found, "'" + what.leaving + "' is not in the group of '"
                             + what.stream
                             + "'; 'millrace stream members' lists who is"};
}

} // namespace

int change_members(const member_change& what) {
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
  auto host = small_runtime(*config);
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
    return fault.code == errc::invalid_argument
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
    const auto done
      = ask<bool>(**host, caf::actor_cast<sequencer_actor>(*at), 3s,
                  members_atom_v, rt::node_id_of(what.leaving),
                  joining.empty() ? node_id{} : rt::node_id_of(joining));
    if (done && *done) {
      print_change(what);
      return exit_ok;
    }
    if (!done && is_refusal(done.failure()))
      return fail(done.failure());
    if (!done)
      last = done.failure();
    guest{(*host)->system()}.pause(200ms);
  }
  return fail(last);
}

} // namespace millrace::nodes
