#include <millrace/nodes/monitoring/scrape_config.hpp>
#include <millrace/nodes/monitoring/yaml_text.hpp>

#include <string_view>
#include <vector>

namespace millrace::nodes {

namespace {

std::string target_of(const cluster_config& of, const process_config& port) {
  auto host = of.address_of(port);
  if (host == "0.0.0.0" || host == "::")
    host = "HOST"; // Of the many it has, by the name that Prometheus knows.
  if (host.find(':') != host.npos)
    host = "[" + host + "]";
  return host + ":" + std::to_string(port.port);
}

} // namespace

result<std::string> scrape_config_yaml(const cluster_config& of) {
  std::vector<const process_config*> ports;
  for (const auto& each : of.processes)
    if (each.type == process_type::http)
      ports.push_back(&each);
  if (ports.empty())
    return error{errc::config,
                 of.path
                   + ": no [[process]] has type = \"http\": its port tells "
                     "Prometheus of the cluster (docs/http.md)"};
  const auto& port = *ports.front();
  const bool is_secure = !port.tls_certificate.empty();
  std::string out
    = "scrape_configs:\n  - job_name: " + yaml_text("millrace " + of.name)
      + "\n    metrics_path: /metrics\n    scrape_timeout: 5s\n"
        "    scrape_interval: 10s\n    scheme: "
      + (is_secure ? "https" : "http") + "\n";
  if (is_secure)
    out += "    # The authority of the port's certificate, unless the system "
           "knows it:\n"
           "    # tls_config:\n"
           "    #   ca_file: /etc/prometheus/millrace-ca.pem\n";
  if (port.asks_login)
    out += "    # Of a user with admin = true, as 'millrace user token NAME' "
           "prints it:\n"
           "    authorization:\n"
           "      credentials_file: /etc/prometheus/millrace.token\n";
  out += "    static_configs:\n      - targets: ["
         + yaml_text(target_of(of, port)) + "]\n";
  for (size_t i = 1; i < ports.size(); ++i)
    out += "        # " + ports[i]->name
           + " tells the same: " + target_of(of, *ports[i]) + "\n";
  out += "        labels:\n          cluster: " + yaml_text(of.name) + "\n";
  return out;
}

} // namespace millrace::nodes
