#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/cluster_tls.hpp>
#include <millrace/nodes/assembly/pem_files_internal.hpp>

#include <set>
#include <string_view>
#include <utility>

namespace millrace::nodes {

namespace {

std::string tls_line(const cluster_config& config, std::string_view key,
                     file_line at, const std::string& path,
                     const std::string& why) {
  return config.path + ":" + std::to_string(at.line) + ":cluster."
         + std::string{key} + ": " + path + " " + why;
}

/// What a certificate lacks to be that of these nodes; empty: nothing.
std::string not_for(const member_identity& identity,
                    const cluster_config& config,
                    const std::vector<std::string>& nodes) {
  std::set<std::string> told;
  std::string out;
  for (const auto& name : nodes) {
    const auto& address = config.address_of(*config.node(name));
    if (identity.is_for(address) || !told.insert(address).second)
      continue;
    const auto names = text::joined(identity.names());
    text::add_to_list(
      out,
      std::string{"is not for "} + address + ", the address of node '" + name
        + "', but for " + (names.empty() ? "no host" : names)
        + ": others would refuse it (subjectAltName = IP:" + address + ")",
      "; ");
  }
  return out;
}

} // namespace

result<std::shared_ptr<const member_identity>>
load_cluster_tls(persistence::file_system& fs, persistence::clock_source& clock,
                 const cluster_config& config,
                 const std::vector<std::string>& nodes,
                 std::vector<std::string>& warnings) {
  if (!config.tls.is_on())
    return std::shared_ptr<const member_identity>{};
  const auto& files = config.tls;
  member_identity_read made;
  auto code = errc::config;
  const auto certificate
    = read_pem(fs, files.certificate, made.certificate_fault, code);
  const auto key = read_pem(fs, files.key, made.key_fault, code);
  const auto authority
    = read_pem(fs, files.authority, made.authority_fault, code);
  if (made.key_fault.empty())
    made.key_fault = open_to_others(files.key, nodes.empty() ? key_owner::any
                                                             : key_owner::node);
  if (made.certificate_fault.empty() && made.key_fault.empty()
      && made.authority_fault.empty())
    made
      = read_member_identity(certificate, key, authority,
                             (clock.now_ns() + epoch_2000_ns) / 1'000'000'000);
  if (made.identity)
    made.certificate_fault = not_for(*made.identity, config, nodes);
  std::string lines;
  const auto add = [&](std::string_view name, file_line at,
                       const std::string& path, const std::string& why) {
    if (!why.empty())
      text::add_to_list(lines, tls_line(config, name, at, path, why), "\n");
  };
  add("tls_certificate", files.certificate_line, files.certificate,
      made.certificate_fault);
  add("tls_key", files.key_line, files.key, made.key_fault);
  add("tls_authority", files.authority_line, files.authority,
      made.authority_fault);
  if (!lines.empty())
    return error{code, std::move(lines)};
  for (const auto& each : made.identity->warnings())
    warnings.push_back(tls_line(config, "tls_certificate",
                                files.certificate_line, files.certificate,
                                each));
  return made.identity;
}

} // namespace millrace::nodes
