#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/generate.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/monitoring/alert_rules.hpp>
#include <millrace/nodes/monitoring/dashboard.hpp>
#include <millrace/nodes/monitoring/scrape_config.hpp>

#include <cstdio>

namespace millrace::nodes {

namespace {

struct no_options {};

struct scrape_options {
  std::string config;
};

void declare_none(option_list&, no_options&) {}

void declare(option_list& list, scrape_options& into) {
  declare_config(list, into.config);
}

// What could not be written is told when the program ends.
int put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_ok;
}

int put_dashboard(const no_options&) { return put(dashboard_json()); }

int put_alerts(const no_options&) { return put(alert_rules_yaml()); }

int put_scrape(const scrape_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto text = scrape_config_yaml(*config);
  return text ? put(*text) : fail(text.failure());
}

const command<no_options> grafana_command{
  {"grafana", "Print a dashboard for Grafana, as its import takes it",
   "millrace generate grafana > millrace.json"},
  declare_none,
  put_dashboard};

const command<no_options> alerts_command{
  {"alerts", "Print alert rules for Prometheus",
   "millrace generate alerts > millrace_rules.yml"},
  declare_none,
  put_alerts};

const command<scrape_options> scrape_command{
  {"scrape", "Print what Prometheus's configuration says of the cluster",
   "millrace generate scrape --config demo/demo.toml"},
  declare,
  put_scrape};

} // namespace

const command_group generate_commands{
  {"generate",
   "Print what others need to watch a cluster: a dashboard, alerts, targets",
   "millrace generate alerts > millrace_rules.yml"},
  [](command_list& list) {
    list.add(alerts_command);
    list.add(grafana_command);
    list.add(scrape_command);
  }};

} // namespace millrace::nodes
