#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_admin.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto find_deadline = 3s;
constexpr auto answer_deadline = 10s;

result<sequencer_actor> leader_of(runtime& host, const cluster_config& config,
                                  const std::string& stream) {
  if (auto known = configured_stream(config, stream); !known)
    return known.failure();
  return find_stream(host, config, stream, find_deadline);
}

template <class... Words>
result<text::json_value> ask(runtime& host, const sequencer_actor& whom,
                             const Words&... words) {
  result<text::json_value> answer{text::json_value{}};
  guest self{host.system()};
  self->request(whom, caf::timespan{answer_deadline}, words...)
    .receive([&](const status_facts& said) { answer = said; },
             [&](const caf::error& fault) { answer = from_caf(fault); });
  return answer;
}

/// Two nodes say the same of the stream, however late each.
bool is_same(const text::json_value& a, const text::json_value& b) {
  constexpr const char* keys[]
    = {"kind", "life_high", "life_low", "from", "to", "origin", "input"};
  // What one node alone decided has no place in the stream.
  return a.at("input").text() != nullptr && a.at("input").text()->empty()
         && std::all_of(std::begin(keys), std::end(keys), [&](const char* key) {
              return a.at(key).dump() == b.at(key).dump();
            });
}

/// All that one node wrote down, added to what others did.
error add_losses(runtime& host, const sequencer_actor& whom,
                 const std::string& node, told_losses& into) {
  uint64_t from = 0;
  for (;;) {
    auto part = ask(host, whom, losses_atom_v, from);
    if (!part)
      return part.failure();
    if (from == 0)
      into.forgotten
        = std::max(into.forgotten, part->at("first").natural().value_or(1) - 1);
    const auto& losses = part->at("losses").elements();
    if (losses.empty())
      return {};
    for (const auto& each : losses) {
      from = std::max(from, each.at("number").natural().value_or(0));
      const auto known = std::find_if(
        into.losses.begin(), into.losses.end(),
        [&](const told_loss& other) { return is_same(each, other.what); });
      if (known == into.losses.end())
        into.losses.push_back({{node}, each});
      else
        known->nodes.push_back(node);
    }
  }
}

} // namespace

result<told_losses> stream_losses(runtime& host, const cluster_config& config,
                                  const std::string& stream) {
  if (auto known = configured_stream(config, stream); !known)
    return known.failure();
  const auto nodes = endpoints_of_stream(config, stream);
  if (!nodes)
    return nodes.failure();
  const auto members = config.members_of(stream);
  told_losses out;
  error last;
  for (size_t i = 0; i < nodes->size(); ++i) {
    const auto whom = host.find_as<sequencer_actor>((*nodes)[i], find_deadline);
    last
      = whom ? add_losses(host, *whom, members[i]->name, out) : whom.failure();
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
  auto whom = leader_of(host, config, stream);
  if (!whom)
    return whom.failure();
  return ask(host, *whom, status_atom_v);
}

result<text::json_value> prune_stream(runtime& host,
                                      const cluster_config& config,
                                      const std::string& stream,
                                      const prune_request& what) {
  auto whom = leader_of(host, config, stream);
  if (!whom)
    return whom.failure();
  return ask(host, *whom, prune_atom_v, what.at, what.dry, what.forced);
}

result<text::json_value> give_up_waiting(runtime& host,
                                         const cluster_config& config,
                                         const std::string& stream, bool dry) {
  auto whom = leader_of(host, config, stream);
  if (!whom)
    return whom.failure();
  return ask(host, *whom, give_up_atom_v, dry);
}

} // namespace millrace::nodes
