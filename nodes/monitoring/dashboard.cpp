#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/monitoring/dashboard.hpp>
#include <millrace/nodes/monitoring/metric_list.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace millrace::nodes {

namespace {

using text::json_value;

constexpr int columns = 24; ///< Of Grafana's grid.
constexpr int chart_width = 8;
constexpr int chart_height = 7;
constexpr int number_width = 4;
constexpr int number_height = 4;
constexpr std::string_view of_cluster = "{cluster=~\"$cluster\"}";

/// What is asked first of a cluster: one number each, red from `red` on.
struct headline {
  const char* title;
  const char* question; ///< `$` stands for the choice of the cluster.
  const char* unit;
  double red;
};
constexpr headline headlines[] = {
  {"Nodes that do not answer", "sum(1 - millrace_node_up$)", "none", 1},
  {"Rdbs that cannot be asked", "sum(1 - millrace_rdb_ready$)", "none", 1},
  {"Losses of streams", "max(millrace_stream_losses$)", "none", 1},
  {"Batches set aside", "sum(millrace_rdb_rejected_batches_total$)", "none", 1},
  {"Most behind its stream", "max(millrace_rdb_lag_seconds$)", "s", 60},
  {"Fullest disk", "max(millrace_stream_disk_percent$)", "percent", 85},
};

json_value data_source() {
  return {{"type", "prometheus"}, {"uid", "${datasource}"}};
}

std::string unit_of(const metric& what) {
  const auto ends = [&](std::string_view end) {
    return what.name.ends_with(end)
           || what.name.ends_with(std::string{end} + "_total");
  };
  return ends("bytes")                     ? "bytes"
         : ends("seconds")                 ? "s"
         : what.name.ends_with("_percent") ? "percent"
         : what.name.ends_with("_days")    ? "d"
                                           : "none";
}

std::string without_point(std::string_view text) {
  return std::string{text.substr(0, text.find_last_not_of('.') + 1)};
}

/// The panels of a dashboard, row by row.
class panel_list {
public:
  void add_row(const std::string& title) {
    next_line(chart_height);
    place(json_value{{"type", "row"}, {"title", title}, {"collapsed", false}},
          columns, 1);
    next_line(1);
  }

  void add_number(const headline& what) {
    std::string question = what.question;
    question.replace(question.find('$'), 1, of_cluster);
    auto panel = begin("stat", what.title, what.unit);
    auto steps = json_value::array();
    steps.add(json_value{{"color", "green"}, {"value", {}}});
    steps.add(json_value{{"color", "red"}, {"value", what.red}});
    panel["fieldConfig"]["defaults"].add(
      "thresholds", {{"mode", "absolute"}, {"steps", std::move(steps)}});
    panel.add("options", {{"colorMode", "background"},
                          {"reduceOptions", {{"calcs", calcs()}}}});
    panel["targets"].add(target(question, "{{process}}", "A"));
    place(std::move(panel), number_width, number_height);
  }
  void end_numbers() { next_line(number_height); }

  /// @param name of its own, or of a type of ports
  void add_chart(const metric& what, const std::string& name) {
    auto unit = unit_of(what);
    std::string title = without_point(what.help);
    if (what.what == metric::kind::counter) {
      title += ", per second";
      if (unit == "bytes")
        unit = "Bps";
      else if (unit == "s")
        unit = "percentunit";
    }
    auto panel = begin("timeseries", title, unit);
    panel.add("description", name);
    auto& targets = panel["targets"];
    const auto chosen = name + std::string{of_cluster};
    if (what.what == metric::kind::gauge)
      targets.add(target(chosen, legend(what), "A"));
    else if (what.what == metric::kind::counter)
      targets.add(
        target("rate(" + chosen + "[$__rate_interval])", legend(what), "A"));
    else
      for (const auto& [part, id] : {std::pair{"0.5", "A"}, {"0.99", "B"}})
        targets.add(
          target(std::string{"histogram_quantile("} + part + ", sum by (le"
                   + std::string{what.labels.empty() ? "" : ","}
                   + std::string{what.labels} + ") (rate(" + name + "_bucket"
                   + std::string{of_cluster} + "[$__rate_interval])))",
                 std::string{part} + of_labels(what.labels), id));
    place(std::move(panel), chart_width, chart_height);
  }

  json_value take() { return std::move(panels_); }

private:
  static json_value calcs() {
    auto out = json_value::array();
    out.add("lastNotNull");
    return out;
  }
  static json_value begin(const char* type, const std::string& title,
                          const std::string& unit) {
    return {
      {"type", type},
      {"title", title},
      {"datasource", data_source()},
      {"fieldConfig",
       {{"defaults", {{"unit", unit}}}, {"overrides", json_value::array()}}},
      {"targets", json_value::array()}};
  }
  static json_value target(const std::string& question, const std::string& name,
                           const char* id) {
    return {{"datasource", data_source()},
            {"expr", question},
            {"legendFormat", name},
            {"refId", id}};
  }
  static std::string of_labels(std::string_view labels) {
    std::string out;
    while (!labels.empty()) {
      const auto end = std::min(labels.find(','), labels.size());
      out += " {{" + std::string{labels.substr(0, end)} + "}}";
      labels.remove_prefix(std::min(end + 1, labels.size()));
    }
    return out;
  }
  static std::string legend(const metric& what) {
    return (what.role == "node" ? std::string{"{{node}}"}
            : what.role == "rt" ? std::string{"{{stream}} {{node}}"}
                                : std::string{"{{process}}"})
           + of_labels(what.labels);
  }

  void place(json_value panel, int width, int height) {
    if (x_ + width > columns)
      next_line(height);
    panel.add("id", ++last_id_);
    panel.add("gridPos", {{"x", x_}, {"y", y_}, {"w", width}, {"h", height}});
    panels_.add(std::move(panel));
    x_ += width;
  }
  void next_line(int height) {
    if (x_ != 0)
      y_ += height;
    x_ = 0;
  }

  json_value panels_ = json_value::array();
  int last_id_ = 0;
  int x_ = 0;
  int y_ = 0;
};

json_value variables() {
  auto out = json_value::array();
  out.add(json_value{{"name", "datasource"},
                     {"label", "Data source"},
                     {"type", "datasource"},
                     {"query", "prometheus"}});
  out.add(json_value{{"name", "cluster"},
                     {"label", "Cluster"},
                     {"type", "query"},
                     {"datasource", data_source()},
                     {"query", "label_values(millrace_node_up, cluster)"},
                     {"refresh", 2},
                     {"multi", true},
                     {"includeAll", true},
                     {"allValue", ".*"}});
  return out;
}

} // namespace

std::string dashboard_json() {
  panel_list panels;
  for (const auto& each : headlines)
    panels.add_number(each);
  panels.end_numbers();
  constexpr std::pair<std::string_view, const char*> rows[]
    = {{"node", "Nodes"},
       {"", "Processes"},
       {"discovery", "Discovery"},
       {"rt", "Streams"},
       {"feed", "Feeds"},
       {"rdb", "Rdb"},
       {"hdb", "Hdb"},
       {"gateway", "Gateway"},
       {"kdb", "Port: kdb"},
       {"http", "Port: http"},
       {"postgres", "Port: postgres"}};
  for (const auto& [role, title] : rows) {
    panels.add_row(title);
    for (const auto& each : metrics())
      if (each.role == role)
        panels.add_chart(each, std::string{each.name});
    const bool is_port = role == "kdb" || role == "http" || role == "postgres";
    for (const auto& each : metrics())
      if (is_port && each.role == "port")
        panels.add_chart(each, "millrace_" + std::string{role} + "_"
                                 + std::string{each.name});
  }
  auto tags = json_value::array();
  tags.add("millrace");
  return json_value{{"title", "Millrace"},
                    {"uid", "millrace"},
                    {"tags", std::move(tags)},
                    {"schemaVersion", 39},
                    {"editable", true},
                    {"refresh", "10s"},
                    {"time", {{"from", "now-1h"}, {"to", "now"}}},
                    {"templating", {{"list", variables()}}},
                    {"panels", panels.take()}}
           .dump(2)
         + "\n";
}

} // namespace millrace::nodes
