#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_admin.hpp>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto find_deadline = 3s;
constexpr auto answer_deadline = 10s;

result<sequencer_actor> leader_of(runtime& host, const cluster_config& config,
                                  const std::string& stream) {
  if (config.stream(stream) == nullptr)
    return error{errc::not_found,
                 config.path + ": no [[stream]] is named '" + stream + "'"};
  return find_stream(host, config, stream, find_deadline);
}

template <class... Words>
result<text::json_value> ask(runtime& host, const sequencer_actor& whom,
                             const Words&... words) {
  result<text::json_value> answer{text::json_value{}};
  guest self{host.system()};
  self->request(whom, caf::timespan{answer_deadline}, words...)
    .receive([&](const std::string& said) { answer = text::parse_json(said); },
             [&](const caf::error& fault) { answer = from_caf(fault); });
  return answer;
}

} // namespace

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

} // namespace millrace::nodes
