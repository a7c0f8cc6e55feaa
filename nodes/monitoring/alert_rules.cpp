#include <millrace/nodes/monitoring/alert_rules.hpp>
#include <millrace/nodes/monitoring/yaml_text.hpp>

#include <string_view>

namespace millrace::nodes {

namespace {

constexpr alert_rule rules[] = {
  {"MillraceUnwatched", "absent(millrace_node_up)", "1m", true,
   "No port for HTTP tells of the cluster",
   "Start its node ('millrace up'), or look at the targets of Prometheus"},
  {"MillraceNodeDown", "millrace_node_up == 0", "30s", true,
   "Node {{ $labels.node }} does not answer",
   "'millrace status' says whether it died and why; 'millrace up' starts it"},
  {"MillraceProcessEnds", "increase(millrace_process_ended_total[15m]) > 0",
   "0s", false,
   "Process {{ $labels.process }}{{ $labels.stream }} on {{ $labels.node }} "
   "ended by itself",
   "'millrace logs {{ $labels.node }}' says why; it is started again by "
   "itself"},
  {"MillraceStreamLost", "delta(millrace_stream_losses[15m]) > 0", "0s", true,
   "Stream {{ $labels.stream }} lost messages",
   "'millrace stream losses {{ $labels.stream }}' lists them"},
  {"MillraceStreamLeaderless",
   "max by (cluster, stream) (millrace_stream_leads) == 0", "15s", true,
   "Nobody leads stream {{ $labels.stream }}: nothing is merged",
   "'millrace stream info {{ $labels.stream }}' shows its nodes"},
  {"MillraceStreamUnsteady", "changes(millrace_stream_term[10m]) > 3", "0s",
   false, "Stream {{ $labels.stream }} elects leaders again and again",
   "Look at the network between its nodes, and at their disks"},
  {"MillraceReplicaLags", "millrace_replica_lag_seconds > 60", "1m", false,
   "The copy of {{ $labels.stream }} on {{ $labels.node }} is more than a "
   "minute behind",
   "Look at the disk and the network of {{ $labels.node }}"},
  {"MillraceDiskFull",
   "millrace_stream_disk_percent > 90 or "
   "predict_linear(millrace_stream_disk_percent[30m], 900) > 98",
   "1m", true,
   "The disk of {{ $labels.stream }} on {{ $labels.node }} is full, or will be "
   "in a quarter of an hour",
   "'millrace consumer ls {{ $labels.stream }}' shows who holds it; make room"},
  {"MillraceStreamWaits", "millrace_stream_waits == 1", "0s", true,
   "A disk of {{ $labels.node }} keeps stream {{ $labels.stream }} waiting",
   "'millrace status' says for what; make room, or mend the disk"},
  {"MillraceRdbNotReady", "millrace_rdb_ready == 0", "1m", true,
   "{{ $labels.process }} cannot be asked",
   "'millrace status' shows how far it has replayed"},
  {"MillraceRdbLags", "millrace_rdb_lag_seconds > 60", "1m", false,
   "{{ $labels.process }} is more than a minute behind its stream",
   "Look at memory_max and the load of its node"},
  {"MillraceRowsSetAside",
   "increase(millrace_rdb_rejected_batches_total[15m]) > 0", "0s", true,
   "{{ $labels.process }} set batches aside",
   "'millrace rejects' shows them; the end of their period waits"},
  {"MillraceLinesRejected",
   "increase(millrace_feed_rejected_lines_total[15m]) > 0", "0s", false,
   "Lines of {{ $labels.process }} gave no row",
   "'millrace logs {{ $labels.node }}' names its reject file and the first of "
   "them; 'millrace feed --only-rejects' feeds them once they are mended"},
  {"MillracePeriodUnwritten", "millrace_rdb_periods_to_write > 0", "15m", true,
   "{{ $labels.process }} does not get a period written down",
   "'millrace logs {{ $labels.node }}' says why"},
  {"MillraceBackEndGone", "millrace_gateway_backend_ready == 0", "1m", false,
   "{{ $labels.process }} cannot ask {{ $labels.backend }}",
   "'millrace processes' shows whether it is there"},
  {"MillraceAnswersIncomplete",
   "increase({__name__=~\"millrace_.*_incomplete_total\"}[15m]) > 0", "0s",
   true, "{{ $labels.process }} gave answers that may lack rows",
   "Each said why; 'millrace logs {{ $labels.node }}' does too"},
  {"MillraceQuestionsFail",
   "sum by (cluster, process, result) "
   "(rate(millrace_gateway_query_seconds_count"
   "{result=~\"timeout|unavailable\"}[5m])) > 0.1",
   "5m", false,
   "Questions to {{ $labels.process }} end as {{ $labels.result }}",
   "'millrace top' shows who is busy; 'millrace processes' who is there"},
  {"MillraceCertificateEnds",
   "{__name__=~\"millrace_.*_certificate_days\"} < 14", "0s", false,
   "A certificate of {{ $labels.node }} {{ $labels.process }} ends in "
   "{{ $value }} days",
   "Put a new one in its place, and restart the process, or the node"},
};

} // namespace

std::span<const alert_rule> alert_rules() noexcept { return rules; }

std::string alert_rules_yaml() {
  std::string out = "groups:\n  - name: millrace\n    rules:\n";
  for (const auto& each : rules)
    out += std::string{"      - alert: "} + each.name + "\n        expr: "
           + yaml_text(each.expression) + "\n        for: " + each.lasting
           + "\n        labels:\n          severity: "
           + (each.is_critical ? "critical" : "warning")
           + "\n        annotations:\n          summary: "
           + yaml_text(each.summary)
           + "\n          description: " + yaml_text(each.remedy) + "\n";
  return out;
}

} // namespace millrace::nodes
