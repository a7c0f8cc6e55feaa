#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <map>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto find_deadline = 3s;
constexpr auto answer_deadline = 10s;

/// The node that leads, or one that asks it.
template <class Handle, class... Words>
result<text::json_value> ask_leader(runtime& host, const cluster_config& config,
                                    const std::string& stream,
                                    const Words&... words) {
  if (auto known = configured_stream(config, stream); !known)
    return known.failure();
  const auto found = find_stream(host, config, stream, find_deadline);
  if (!found)
    return found.failure();
  auto out = ask<status_facts>(host, caf::actor_cast<Handle>(*found),
                               answer_deadline, words...);
  if (out
      || (out.failure().code != errc::timeout
          && out.failure().code != errc::unavailable))
    return out;
  const auto nodes = endpoints_of_stream(config, stream);
  const auto why = nodes ? unordered_text(host, stream, *nodes) : std::string{};
  return why.empty()
           ? out
           : error{out.failure().code, "stream '" + stream + "': " + why};
}

/// Two nodes that say the same of the stream, however late each, have the same
/// of it.
std::string key_of(const text::json_value& loss) {
  auto parts = text::json_value::array();
  for (const auto* key :
       {"kind", "life_high", "life_low", "from", "to", "origin"})
    parts.add(loss.at(key));
  return parts.dump();
}

/// Where each loss of the stream stands among those told.
using known_losses = std::map<std::string, size_t>;

void add_loss(const std::string& node, const text::json_value& what,
              told_losses& into, known_losses& known) {
  const auto* input = what.at("input").text();
  // What one node alone decided, or lacks, has no place in the stream.
  if (input != nullptr && input->empty()
      && what.at("missing").natural().value_or(0) == 0) {
    const auto [at, is_new]
      = known.try_emplace(key_of(what), into.losses.size());
    if (!is_new) {
      into.losses[at->second].nodes.push_back(node);
      return;
    }
  }
  into.losses.push_back({{node}, what});
}

/// All that one node wrote down, added to what others did.
error add_losses(runtime& host, const sequencer_actor& whom,
                 const std::string& node, told_losses& into,
                 known_losses& known) {
  loss_number from;
  for (;;) {
    auto part
      = ask<status_facts>(host, whom, answer_deadline, losses_atom_v, from);
    if (!part)
      return part.failure();
    if (from == loss_number{}) {
      // What damage took is a loss of its own.
      const auto before = part->at("first").natural().value_or(1) - 1;
      const auto missing = part->at("missing").natural().value_or(0);
      into.forgotten
        = std::max(into.forgotten, before - std::min(before, missing));
    }
    const auto& losses = part->at("losses").elements();
    if (losses.empty())
      return {};
    for (const auto& each : losses) {
      from
        = std::max(from, loss_number{each.at("number").natural().value_or(0)});
      add_loss(node, each, into, known);
    }
  }
}

} // namespace

result<told_losses> stream_losses(runtime& host, const cluster_config& config,
                                  const std::string& stream) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  const auto members = config.members_of(stream);
  told_losses out;
  known_losses known;
  error last;
  for (size_t i = 0; i < nodes->size(); ++i) {
    const auto whom = host.find_as<sequencer_actor>((*nodes)[i], find_deadline);
    last = whom ? add_losses(host, *whom, members[i]->name, out, known)
                : whom.failure();
    if (last)
      out.silent.push_back(members[i]->name);
  }
  if (out.silent.size() == nodes->size())
    return last;
  std::stable_sort(out.losses.begin(), out.losses.end(),
                   [](const told_loss& a, const told_loss& b) {
                     return a.what.at("time").integer().value_or(0)
                            < b.what.at("time").integer().value_or(0);
                   });
  return out;
}

result<text::json_value> stream_status(runtime& host,
                                       const cluster_config& config,
                                       const std::string& stream) {
  return ask_leader<stream_server_actor>(host, config, stream, status_atom_v);
}

result<text::json_value> whole_stream_status(runtime& host,
                                             const cluster_config& config,
                                             const std::string& stream) {
  auto out = stream_status(host, config, stream);
  // One process alone serves a stream that no rt orders.
  if (!out || config.members_of(stream).empty())
    return out;
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  const auto members = config.members_of(stream);
  uint64_t subscribers = 0;
  uint64_t publishers = 0;
  auto connected = text::json_value::array();
  auto silent = text::json_value::array();
  auto rows = text::json_value::array();
  for (size_t i = 0; i < nodes->size(); ++i) {
    const auto whom = host.find_as<sequencer_actor>((*nodes)[i], find_deadline);
    const auto said
      = whom ? ask<status_facts>(host, *whom, answer_deadline, status_atom_v)
             : result<status_facts>{whom.failure()};
    if (!said) {
      silent.add(members[i]->name);
      continue;
    }
    rows.add({{"node", members[i]->name},
              {"leads", said->at("leads")},
              {"end", said->at("end")},
              {"rate", said->at("rate")}});
    subscribers += said->at("subscribers").natural().value_or(0);
    // Each is connected to all of them, as far as it reaches them.
    publishers
      = std::max(publishers, said->at("publishers").natural().value_or(0));
    for (auto each : said->at("connected").elements()) {
      each.add("node", members[i]->name);
      connected.add(std::move(each));
    }
  }
  (*out)["subscribers"] = subscribers;
  (*out)["publishers"] = publishers;
  (*out)["connected"] = std::move(connected);
  (*out)["silent"] = std::move(silent);
  (*out)["nodes"] = std::move(rows);
  return out;
}

result<text::json_value> prune_stream(runtime& host,
                                      const cluster_config& config,
                                      const std::string& stream,
                                      const prune_request& what) {
  return ask_leader<stream_server_actor>(host, config, stream, prune_atom_v,
                                         what.at,
                                         cut_mode_of(what.dry, what.forced));
}

result<text::json_value> archive_stream(runtime& host,
                                        const cluster_config& config,
                                        const std::string& stream, position at,
                                        bool dry) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  return ask_leader<operated_stream_actor>(host, config, stream, archive_atom_v,
                                           at, cut_mode_of(dry));
}

result<text::json_value> reset_stream(runtime& host,
                                      const cluster_config& config,
                                      const std::string& stream, bool dry,
                                      bool forced, session_number session) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  return ask_leader<operated_stream_actor>(host, config, stream, reset_atom_v,
                                           cut_mode_of(dry, forced), session);
}

result<text::json_value> forget_consumer(runtime& host,
                                         const cluster_config& config,
                                         const std::string& stream,
                                         const std::string& consumer,
                                         bool dry) {
  return ask_leader<operated_stream_actor>(host, config, stream, forget_atom_v,
                                           consumer, dry);
}

result<std::map<std::string, result<text::json_value>>>
snapshot_stream(runtime& host, const cluster_config& config,
                const std::string& stream) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  const auto members = config.members_of(stream);
  std::map<std::string, result<text::json_value>> out;
  for (size_t i = 0; i < nodes->size(); ++i) {
    const auto whom
      = host.find_as<operated_stream_actor>((*nodes)[i], find_deadline);
    out.emplace(
      members[i]->name,
      whom ? ask<status_facts>(host, *whom, answer_deadline, snapshot_atom_v)
           : whom.failure());
  }
  return out;
}

result<text::json_value> give_up_waiting(runtime& host,
                                         const cluster_config& config,
                                         const std::string& stream, bool dry) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  return ask_leader<sequencer_actor>(host, config, stream, give_up_atom_v, dry);
}

} // namespace millrace::nodes
