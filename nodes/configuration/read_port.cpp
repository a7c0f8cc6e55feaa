#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/configuration/read_cluster_tls.hpp>
#include <millrace/nodes/configuration/read_place.hpp>
#include <millrace/nodes/configuration/read_port.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace millrace::nodes {

namespace {

using text::in_quotes;
using text::toml_section;

void read_number(toml_section& at, const cluster_config& within,
                 process_config& into) {
  into.port = read_port_number(at);
  for (const auto& other : within.nodes)
    if (other.port == into.port && into.port != 0
        && of_one_host(within, other.name, into.node))
      at.fault("port", std::to_string(into.port) + " is the port of node "
                         + in_quotes(other.name) + " too");
  for (const auto& other : within.processes)
    if (other.port == into.port && into.port != 0
        && of_one_host(within, other.node, into.node))
      at.fault("port", std::to_string(into.port) + " is the port of process "
                         + in_quotes(other.name) + " too");
}

void read_tls(toml_section& at, const std::filesystem::path& base,
              process_config& into) {
  into.tls_certificate
    = read_path(at, "tls_certificate", base, into.tls_certificate_line);
  into.tls_key = read_path(at, "tls_key", base, into.tls_key_line);
  if (at.has("tls_certificate") && !at.has("tls_key"))
    at.fault("tls_certificate", "tls_key is missing, the file of its key");
  if (at.has("tls_key") && !at.has("tls_certificate"))
    at.fault("tls_key", "tls_certificate is missing: a key alone proves "
                        "nothing");
}

/// Off loopback nobody says whose process a client is, and others may listen.
void read_address(toml_section& at, process_config& into) {
  into.address = at.text("address", "");
  if (!at.has("address"))
    return;
  switch (kind_of_address(into.address)) {
    case address_kind::none:
      at.fault("address",
               in_quotes(into.address) + " is not an IPv4 or IPv6 address");
      break;
    case address_kind::loopback:
      break;
    case address_kind::other: {
      std::string missing;
      if (!into.asks_login)
        missing = "login = \"password\"";
      if (into.tls_certificate.empty())
        missing += missing.empty() ? "tls_certificate and tls_key"
                                   : ", tls_certificate and tls_key";
      if (!missing.empty())
        at.fault("address",
                 in_quotes(into.address)
                   + " is not a loopback address: a port listens there only "
                     "where clients log in and all is encrypted; missing: "
                   + missing);
      break;
    }
  }
}

} // namespace

address_kind kind_of_address(const std::string& address) {
  in_addr four{};
  in6_addr six{};
  bool is_loopback = false;
  if (inet_pton(AF_INET, address.c_str(), &four) == 1)
    is_loopback = (ntohl(four.s_addr) >> 24) == 127;
  else if (inet_pton(AF_INET6, address.c_str(), &six) == 1)
    is_loopback = IN6_IS_ADDR_LOOPBACK(&six);
  else
    return address_kind::none;
  return is_loopback ? address_kind::loopback : address_kind::other;
}

void read_port(toml_section& at, const cluster_config& within,
               const std::filesystem::path& base, process_config& into) {
  read_number(at, within, into);
  if (into.type == process_type::kdb || into.type == process_type::http)
    into.published = at.texts("publish");
  std::vector<std::string> streams;
  for (const auto& stream : within.streams)
    streams.push_back(stream.name);
  for (const auto& name : into.published)
    if (!within.stream(name))
      at.fault("publish", in_quotes(name) + " is not a [[stream]]"
                            + text::meant(name, streams));
  // Its publishers' directories are `<name>.<stream>`.
  if (!into.published.empty() && into.name.find('.') != into.name.npos)
    at.fault("name", in_quotes(into.name)
                       + " has a '.'; a publisher of this name could be one "
                         "of another stream");
  into.asks_login = at.choice("login", {"system", "password"}, false) == 1;
  if (into.asks_login && within.logins.empty())
    at.fault("login", "nobody could log in: there is no [[user]]");
  read_tls(at, base, into);
  read_address(at, into);
  into.connections_max = static_cast<uint32_t>(
    at.integer("connections_max", 1, 10'000, into.connections_max));
  into.idle_max_ns = at.duration("idle_max", text::second_ns,
                                 365 * text::day_ns, into.idle_max_ns);
  constexpr auto most_bytes
    = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  into.memory_max_bytes
    = at.bytes("memory_max", 1u << 20, most_bytes, uint64_t{256} << 20);
}

} // namespace millrace::nodes
