#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace millrace::nodes {

/// When somebody is to be told, and what to do.
struct alert_rule {
  const char* name;
  const char* expression; ///< Of Prometheus.
  const char* lasting;    ///< For so long it holds before anybody is told.
  bool is_critical;       ///< Rows are lost, or cannot be had; else a warning.
  const char* summary;    ///< May name labels of the expression.
  const char* remedy;
};

[[nodiscard]] std::span<const alert_rule> alert_rules() noexcept;

/// The rules as Prometheus's `rule_files` have them, YAML.
[[nodiscard]] std::string alert_rules_yaml();

} // namespace millrace::nodes
