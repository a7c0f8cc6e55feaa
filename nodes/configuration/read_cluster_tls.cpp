#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/configuration/read_cluster_tls.hpp>

namespace millrace::nodes {

using text::toml_section;

std::string read_path(text::toml_section& at, std::string_view key,
                      const std::filesystem::path& base, file_line& line) {
  const auto named = at.text(key, "");
  const auto* found = at.find(key);
  if (found == nullptr)
    return {};
  line.line = found->line;
  if (named.empty())
    at.fault(key, "must not be empty");
  return (base / named).lexically_normal().string();
}

member_tls_config read_cluster_tls(toml_section& at,
                                   const std::filesystem::path& base) {
  member_tls_config out;
  out.certificate
    = read_path(at, "tls_certificate", base, out.certificate_line);
  out.key = read_path(at, "tls_key", base, out.key_line);
  out.authority = read_path(at, "tls_authority", base, out.authority_line);
  std::string_view first;
  std::string missing;
  for (const auto* key : {"tls_certificate", "tls_key", "tls_authority"})
    if (!at.has(key))
      text::add_to_list(missing, key);
    else if (first.empty())
      first = key;
  if (!first.empty() && !missing.empty())
    at.fault(first, "goes with two others, and is nothing without; missing: "
                      + missing);
  return out;
}

} // namespace millrace::nodes
