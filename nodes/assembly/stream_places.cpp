#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace millrace::nodes {

namespace {

constexpr const char* prefix_variable = "RT_TOPIC_PREFIX";
constexpr const char* replicas_variable = "RT_REPLICAS";
constexpr const char* cluster_variable = "MILLRACE_CLUSTER";
constexpr uint16_t pull_port = 5001;
constexpr uint16_t push_port = 5002;
/// RT nodes of a stream.
constexpr size_t places_max = 5;

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

/// A whole number without a sign; none: it is another text.
std::optional<uint64_t> number_in(std::string_view text) {
  uint64_t out = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, out);
  return fault == std::errc{} && stop == end && !text.empty()
           ? std::optional{out}
           : std::nullopt;
}

error no_place(const std::string& text) {
  return {errc::invalid_argument,
          "'" + text
            + "' is not a place: write host:port, as 127.0.0.1:5001, "
              "rt-0:5001 or [::1]:5001"};
}

result<endpoint> place_in(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return no_place(text);
  auto host = text.substr(0, colon);
  const auto port = number_in(std::string_view{text}.substr(colon + 1));
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  if (host.empty() || !port || *port == 0 || *port > 65'535
      || host.find_first_of(" /[]") != std::string::npos
      || (!bracketed && host.find(':') != std::string::npos))
    return no_place(text);
  return endpoint{host, static_cast<uint16_t>(*port), {}, {}};
}

result<std::vector<endpoint>> places_in(const std::vector<std::string>& texts) {
  std::vector<endpoint> out;
  for (const auto& text : texts) {
    auto place = place_in(text);
    if (!place)
      return place.failure();
    if (std::count(out.begin(), out.end(), *place) != 0)
      return error{errc::invalid_argument,
                   "'" + text + "' is named twice: each RT node is one place"};
    out.push_back(*std::move(place));
  }
  if (out.size() > places_max)
    return error{errc::invalid_argument,
                 std::to_string(out.size())
                   + " places are named: a stream has at most "
                   + std::to_string(places_max) + " RT nodes"};
  return out;
}

/// As the seed of the streams names the hosts of a stream.
result<std::vector<endpoint>> places_by_prefix(const std::string& prefix,
                                               const std::string& stream,
                                               stream_use use) {
  if (!text::is_plain_name(stream))
    return error{errc::invalid_argument,
                 "stream '" + stream
                   + "' is not a name: at most 64 letters, digits, '_', '-' "
                     "and '.', not led by '-' or '.'"};
  const auto said = variable(replicas_variable).value_or("3");
  const auto count = number_in(said);
  if (!count || *count < 1 || *count > places_max)
    return error{errc::invalid_argument,
                 std::string{replicas_variable} + ": '" + said
                   + "' is not a number of RT nodes, 1 to "
                   + std::to_string(places_max)};
  std::vector<endpoint> out;
  for (uint64_t n = 0; n < *count; ++n)
    out.push_back({prefix + stream + "-" + std::to_string(n),
                   use == stream_use::publish ? push_port : pull_port,
                   {},
                   {}});
  return out;
}

/// A node serves those alone who name its cluster.
result<std::string> cluster_of(const cluster_config& config,
                               const std::string& stream,
                               const named_places& named) {
  if (!named.cluster.empty())
    return named.cluster;
  if (!config.name.empty())
    return config.name;
  if (auto said = variable(cluster_variable); said && !said->empty())
    return *std::move(said);
  return error{errc::config,
               "stream '" + stream
                 + "': of which cluster its nodes are is not known, and they "
                   "serve those alone who name it: say what 'name' of "
                   "[cluster] is there, in $"
                 + cluster_variable
                 + ", in 'cluster' of the options or by --cluster"};
}

result<std::vector<endpoint>> nowhere(const cluster_config& config,
                                      const std::string& stream) {
  const auto other = std::string{"; name its RT nodes (--rt, or 'rt' of the "
                                 "options), or let $"}
                     + prefix_variable + " name them";
  // A program without a file.
  if (config.path.empty() && config.streams.empty())
    return error{errc::not_found, "stream '" + stream
                                    + "': no configuration says where it is"
                                    + other};
  auto out = configured_stream(config, stream).failure();
  out.context += other;
  return out;
}

} // namespace

result<std::vector<endpoint>> places_of_stream(const cluster_config& config,
                                               const std::string& stream,
                                               stream_use use,
                                               const named_places& named) {
  if (named.rt.empty() && config.stream(stream) != nullptr)
    return endpoints_of_stream(config, stream);
  const auto prefix = variable(prefix_variable);
  if (named.rt.empty() && !prefix)
    return nowhere(config, stream);
  auto out = named.rt.empty() ? places_by_prefix(*prefix, stream, use)
                              : places_in(named.rt);
  if (!out)
    return out;
  const auto cluster = cluster_of(config, stream, named);
  if (!cluster)
    return cluster.failure();
  for (auto& each : *out) {
    each.name = stream_actor_name(stream);
    each.cluster = *cluster;
  }
  return out;
}

std::vector<std::string> split_places(std::string_view list) {
  std::vector<std::string> out;
  for (;;) {
    const auto comma = list.find(',');
    out.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos)
      return out;
    list.remove_prefix(comma + 1);
  }
}

bool environment_names_places() {
  return variable(prefix_variable).has_value();
}

} // namespace millrace::nodes
