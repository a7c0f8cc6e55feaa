#include <millrace/messages/data/duration_histogram.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/monitoring/alert_rules.hpp>
#include <millrace/nodes/monitoring/dashboard.hpp>
#include <millrace/nodes/monitoring/metric_list.hpp>
#include <millrace/nodes/monitoring/metrics_text.hpp>
#include <millrace/nodes/monitoring/scrape_config.hpp>

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {
namespace {

TEST(MetricsTest, WritesWhatProcessesSay) {
  text::json_value rdb{
    {"role", "rdb"},         {"ready", true},
    {"bytes", 70},           {"rows", {{"trade", 5}, {"a\"b", 6}}},
    {"rejected_batches", 2}, {"ended", 1}};
  text::json_value rt{
    {"role", "rt"}, {"end", 992}, {"collection", {{"disk_percent", 12}}}};
  text::json_value processes{{"rdb1", rdb}, {"rt/market", rt}};
  auto nodes = text::json_value::array();
  nodes.add(text::json_value{
    {"name", "n1"}, {"answers", true}, {"processes", processes}});
  nodes.add(text::json_value{{"name", "n2"},
                             {"answers", false},
                             {"processes", text::json_value::object()}});
  const auto text = metrics_text({{"cluster", "c"}, {"nodes", nodes}});
  for (const auto* line :
       {"millrace_node_up{node=\"n1\"} 1\n",
        "millrace_node_up{node=\"n2\"} 0\n",
        "millrace_process_ended_total{node=\"n1\",process=\"rdb1\"} 1\n",
        "# TYPE millrace_rdb_rejected_batches_total counter\n"
        "millrace_rdb_rejected_batches_total{node=\"n1\",process=\"rdb1\"} 2\n",
        "millrace_rdb_ready{node=\"n1\",process=\"rdb1\"} 1\n",
        "millrace_rdb_rows{node=\"n1\",process=\"rdb1\",table=\"a\\\"b\"} 6\n",
        "millrace_stream_end_position{node=\"n1\",stream=\"market\"} 992\n",
        "millrace_stream_disk_percent{node=\"n1\",stream=\"market\"} 12\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  EXPECT_EQ(text.find("millrace_hdb"), std::string::npos);
}

/// What begins with 1 has not increased, for who reckons by increases.
TEST(MetricsTest, WhatDidNotHappenYetIsZero) {
  text::json_value processes{{"rdb1", {{"role", "rdb"}}},
                             {"rt/market", {{"role", "rt"}}},
                             {"gw", {{"error", "timeout: it is busy"}}}};
  auto nodes = text::json_value::array();
  nodes.add(text::json_value{
    {"name", "n1"}, {"answers", true}, {"processes", processes}});
  nodes.add(text::json_value{{"name", "n2"},
                             {"answers", false},
                             {"processes", text::json_value::object()}});
  const auto text = metrics_text({{"nodes", nodes}});
  for (const auto* line :
       {"millrace_process_ended_total{node=\"n1\",process=\"rdb1\"} 0\n",
        "millrace_process_ended_total{node=\"n1\",stream=\"market\"} 0\n",
        "millrace_process_ended_total{node=\"n1\",process=\"gw\"} 0\n",
        "millrace_node_refused_connections_total{node=\"n1\"} 0\n"})
    EXPECT_NE(text.find(line), text.npos) << line << text;
  EXPECT_EQ(text.find("connections_total{node=\"n2\"}"), text.npos) << text;
}

TEST(MetricsTest, PortsOfAllTypesSayTheSame) {
  text::json_value processes = text::json_value::object();
  for (const auto* type : {"kdb", "http", "postgres"})
    processes[type]
      = {{"role", type},  {"connections", 1}, {"connections_total", 2},
         {"requests", 3}, {"failed", 4},      {"incomplete", 5},
         {"refused", 6},  {"held_bytes", 7},  {"bytes_in", 8},
         {"bytes_out", 9}};
  auto nodes = text::json_value::array();
  nodes.add(text::json_value{
    {"name", "n"}, {"answers", true}, {"processes", processes}});
  const auto text = metrics_text({{"cluster", "c"}, {"nodes", nodes}});
  for (const std::string type : {"kdb", "http", "postgres"})
    for (const auto& [name, number] :
         std::vector<std::pair<std::string, int>>{{"connections", 1},
                                                  {"connections_total", 2},
                                                  {"requests_total", 3},
                                                  {"failed_total", 4},
                                                  {"incomplete_total", 5},
                                                  {"refused_total", 6},
                                                  {"held_bytes", 7},
                                                  {"received_bytes_total", 8},
                                                  {"sent_bytes_total", 9}}) {
      const auto line = "\nmillrace_" + type + "_" + name
                        + "{node=\"n\",process=\"" + type + "\"} "
                        + std::to_string(number) + "\n";
      EXPECT_NE(text.find(line), std::string::npos) << line << text;
    }
}

TEST(MetricsTest, ListsAreTakenApart) {
  duration_histogram times;
  times.add(200'000);
  times.add(40'000'000'000);
  text::json_value consumers = text::json_value::array();
  consumers.add(
    text::json_value{{"consumer", "rdb1"},
                     {"lag", {{"bytes", 7}, {"messages", 2}, {"ms", 1500}}}});
  text::json_value trace = text::json_value::object();
  text::json_value processes{
    {"rt/market",
     {{"role", "rt"},
      {"leads", true},
      {"stream", "market"},
      {"subscriber_lag", {{"bytes", 70}, {"messages", 4}, {"ms", 2500}}},
      {"collection", {{"consumers", std::move(consumers)}}},
      {"group", {{"commit_times", times.to_json()}, {"term", 3}}}}},
    {"gw",
     {{"role", "gateway"},
      {"questions", {{"sql", {{"ok", times.to_json()}}}}},
      {"backends", {{"rdb1", {{"ready", false}}}}}}}};
  auto nodes = text::json_value::array();
  nodes.add(text::json_value{{"name", "n"},
                             {"answers", true},
                             {"usage", {{"cpu_ms", 1500}, {"memory_bytes", 9}}},
                             {"processes", processes}});
  const auto text = metrics_text({{"cluster", "c"}, {"nodes", nodes}});
  const std::string of_rt = "{node=\"n\",stream=\"market\"";
  const std::string of_sql
    = "{node=\"n\",process=\"gw\",language=\"sql\",result=\"ok\"";
  for (const auto& line :
       {"\nmillrace_node_cpu_seconds_total{node=\"n\"} 1.5\n",
        "\nmillrace_node_memory_bytes{node=\"n\"} 9\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  for (const auto& line : std::vector<std::string>{
         "\nmillrace_consumer_needs_seconds" + of_rt
           + ",consumer=\"rdb1\"} 1.5\n",
         "\nmillrace_consumer_needs_bytes" + of_rt + ",consumer=\"rdb1\"} 7\n",
         "\nmillrace_subscriber_lag_bytes" + of_rt + "} 70\n",
         "\nmillrace_subscriber_lag_seconds" + of_rt + "} 2.5\n",
         "\nmillrace_stream_term" + of_rt + "} 3\n",
         "# TYPE millrace_stream_commit_seconds histogram\n",
         "\nmillrace_stream_commit_seconds_bucket" + of_rt
           + ",le=\"0.0001\"} 0\n",
         "\nmillrace_stream_commit_seconds_bucket" + of_rt
           + ",le=\"0.00025\"} 1\n",
         "\nmillrace_stream_commit_seconds_bucket" + of_rt
           + ",le=\"+Inf\"} 2\n",
         "\nmillrace_gateway_query_seconds_count" + of_sql + "} 2\n",
         "\nmillrace_gateway_backend_ready{node=\"n\",process=\"gw\",backend="
         "\"rdb1\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

/// All names that Prometheus can be asked for.
std::set<std::string> told_names() {
  std::set<std::string> out;
  const auto add = [&](const metric& of, const std::string& name) {
    if (of.what != metric::kind::histogram)
      out.insert(name);
    else
      for (const auto* end : {"_bucket", "_sum", "_count"})
        out.insert(name + end);
  };
  for (const auto& each : metrics())
    if (each.role != "port")
      add(each, std::string{each.name});
    else
      for (const std::string type : {"kdb", "http", "postgres"})
        add(each, "millrace_" + type + "_" + std::string{each.name});
  return out;
}

TEST(MonitoringTest, MetricsAreNamedAsPrometheusWants) {
  std::set<std::string_view> names;
  for (const auto& each : metrics()) {
    EXPECT_EQ(each.name.ends_with("_total"), each.what == metric::kind::counter)
      << each.name;
    EXPECT_TRUE(each.help.ends_with('.')) << each.name;
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
  }
}

TEST(MonitoringTest, ADashboardShowsEachMetricAndNoOther) {
  const auto read = text::parse_json(dashboard_json());
  ASSERT_TRUE(read) << read.failure().context;
  std::string all;
  std::set<int64_t> ids;
  std::vector<std::vector<bool>> taken(400, std::vector<bool>(24));
  for (const auto& panel : read->at("panels").elements()) {
    for (const auto& target : panel.at("targets").elements())
      all += target.at("expr").text_or_empty() + "\n";
    EXPECT_TRUE(ids.insert(*panel.at("id").integer()).second);
    const auto& at = panel.at("gridPos");
    for (auto y = *at.at("y").natural();
         y < *at.at("y").natural() + *at.at("h").natural(); ++y)
      for (auto x = *at.at("x").natural();
           x < *at.at("x").natural() + *at.at("w").natural(); ++x) {
        ASSERT_FALSE(taken.at(y).at(x)) << panel.at("title").dump();
        taken[y][x] = true;
      }
  }
  const auto names = told_names();
  for (const auto& name : names)
    if (!name.ends_with("_sum") && !name.ends_with("_count"))
      EXPECT_NE(all.find(name + "{"), std::string::npos) << name;
  const std::regex named{"millrace_[a-z_]+"};
  for (std::sregex_iterator at{all.begin(), all.end(), named}, end; at != end;
       ++at)
    EXPECT_TRUE(names.contains(at->str())) << at->str();
}

TEST(MonitoringTest, AlertsAreOfMetricsThatThereAre) {
  const auto names = told_names();
  std::set<std::string> seen;
  for (const auto& rule : alert_rules()) {
    EXPECT_TRUE(seen.insert(rule.name).second) << rule.name;
    const std::string text = rule.expression;
    const std::regex named{"millrace_[a-z_.*]+"};
    for (std::sregex_iterator at{text.begin(), text.end(), named}, end;
         at != end; ++at)
      EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                              [&](const auto& name) {
                                return std::regex_match(name,
                                                        std::regex{at->str()});
                              }))
        << rule.name << ": " << at->str();
    EXPECT_NE(alert_rules_yaml().find(std::string{"- alert: "} + rule.name),
              std::string::npos);
  }
}

TEST(MonitoringTest, PrometheusIsToldWhereToAsk) {
  cluster_config config;
  config.name = "test";
  config.address = "127.0.0.1";
  config.path = "c.toml";
  const auto none = scrape_config_yaml(config);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.failure().context.starts_with("c.toml: no [[process]]"));
  process_config web;
  web.name = "web1";
  web.type = process_type::http;
  web.port = 8080;
  config.processes.push_back(web);
  EXPECT_EQ(*scrape_config_yaml(config),
            "scrape_configs:\n"
            "  - job_name: \"millrace test\"\n"
            "    metrics_path: /metrics\n"
            "    scrape_timeout: 5s\n"
            "    scrape_interval: 10s\n"
            "    scheme: http\n"
            "    static_configs:\n"
            "      - targets: [\"127.0.0.1:8080\"]\n"
            "        labels:\n"
            "          cluster: \"test\"\n");
  config.processes.front().tls_certificate = "/tls/port.pem";
  config.processes.front().asks_login = true;
  web.name = "web2";
  web.address = "::1";
  config.processes.push_back(web);
  const auto secure = *scrape_config_yaml(config);
  for (const auto* tells : {"scheme: https\n", "credentials_file: ",
                            "# web2 tells the same: [::1]:8080"})
    EXPECT_NE(secure.find(tells), std::string::npos) << secure;
}

TEST(DurationHistogramTest, CountsWhatIsWithinEachBound) {
  duration_histogram times;
  for (const int64_t ns : {-5, 0, 100'000, 100'001, 2'000'000'000})
    times.add(ns);
  const auto told = times.to_json();
  EXPECT_EQ(told.at("count").natural(), 5u);
  EXPECT_DOUBLE_EQ(*told.at("seconds").number(), 2.000200001);
  const auto& within = told.at("within");
  EXPECT_EQ(within.at("0.0001").natural(), 3u);
  EXPECT_EQ(within.at("0.00025").natural(), 4u);
  EXPECT_EQ(within.at("1").natural(), 4u);
  EXPECT_EQ(within.at("2.5").natural(), 5u);
  EXPECT_EQ(within.at("30").natural(), 5u);
  EXPECT_EQ(within.entries().size(), duration_histogram::bounds_ns.size());
}

} // namespace
} // namespace millrace::nodes
