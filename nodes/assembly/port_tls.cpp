#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/pem_files_internal.hpp>
#include <millrace/nodes/assembly/port_tls.hpp>

#include <utility>

namespace millrace::nodes {

namespace {

/// The lines that are told of one port.
struct port_lines {
  const cluster_config& config;
  const process_config& process;
  std::string faults{};

  [[nodiscard]] std::string of_certificate(const std::string& why) const {
    return line("process.tls_certificate", process.tls_certificate_line,
                process.tls_certificate, why);
  }
  [[nodiscard]] std::string of_key(const std::string& why) const {
    return line("process.tls_key", process.tls_key_line, process.tls_key, why);
  }
  void add(std::string text) {
    text::add_to_list(faults, std::move(text), "\n");
  }

private:
  [[nodiscard]] std::string line(const char* key, file_line at,
                                 const std::string& path,
                                 const std::string& why) const {
    return config.path + ":" + std::to_string(at.line) + ":" + key + ": " + path
           + " " + why;
  }
};

} // namespace

result<std::shared_ptr<const tls_identity>>
load_port_tls(persistence::file_system& fs, persistence::clock_source& clock,
              const cluster_config& config, const process_config& process,
              std::vector<std::string>& warnings) {
  if (process.tls_certificate.empty())
    return std::shared_ptr<const tls_identity>{};
  port_lines lines{config, process};
  std::string certificate_fault;
  std::string key_fault;
  auto code = errc::config;
  const auto certificate
    = read_pem(fs, process.tls_certificate, certificate_fault, code);
  const auto key = read_pem(fs, process.tls_key, key_fault, code);
  if (key_fault.empty())
    key_fault = open_to_others(process.tls_key, key_owner::node);
  tls_identity_read made;
  if (certificate_fault.empty() && key_fault.empty()) {
    made = read_tls_identity(certificate, key,
                             (clock.now_ns() + epoch_2000_ns) / 1'000'000'000);
    certificate_fault = made.certificate_fault;
    key_fault = made.key_fault;
  }
  if (!certificate_fault.empty())
    lines.add(lines.of_certificate(certificate_fault));
  if (!key_fault.empty())
    lines.add(lines.of_key(key_fault));
  if (!lines.faults.empty())
    return error{code, std::move(lines.faults)};
  for (const auto& each : made.identity->warnings())
    warnings.push_back(lines.of_certificate(each));
  return made.identity;
}

error check_ports(persistence::file_system& fs,
                  persistence::clock_source& clock,
                  const cluster_config& config,
                  const std::vector<std::string>& processes,
                  std::vector<std::string>& warnings) {
  error out;
  for (const auto& name : processes)
    if (const auto* process = config.process(name))
      if (const auto made
          = load_port_tls(fs, clock, config, *process, warnings);
          !made)
        out = out ? error{out.code, out.context + "\n" + made.failure().context}
                  : made.failure();
  return out;
}

} // namespace millrace::nodes
