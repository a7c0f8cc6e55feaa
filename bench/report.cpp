#include <millrace/bench/report.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::bench {

namespace {

using json = text::json_value;

bool reaches(const outcome& what, double value, double target) {
  return what.less_is_better ? value <= target : value >= target;
}

json as_json(const outcome& what, const comparison& other) {
  json out{{"name", other.name},
           {"value", other.value},
           {"ratio", ratio_of(what, other)}};
  if (const auto met = is_met(what, other)) {
    out.add("target", other.target);
    out.add("met", *met);
  }
  return out;
}

/// The first of its kind, or null.
const comparison* first(const outcome& what, standing kind) {
  const auto found = std::ranges::find(what.beside, kind, &comparison::is);
  return found == what.beside.end() ? nullptr : &*found;
}

std::string target_text(const outcome& what, double target, bool met) {
  return fmt::format(" (target {} {:.6g}: {})",
                     what.less_is_better ? "<=" : ">=", target,
                     met ? "met" : "missed");
}

} // namespace

double ratio_of(const outcome& what, const comparison& other) {
  return what.value / other.value;
}

std::optional<bool> is_met(const outcome& what, const comparison& other) {
  if (other.target == 0)
    return {};
  return reaches(what, ratio_of(what, other), other.target);
}

std::optional<bool> is_met(const outcome& what) {
  std::optional<bool> out;
  const auto add = [&out](bool met) { out = out.value_or(true) && met; };
  if (what.target != 0)
    add(reaches(what, what.value, what.target));
  for (const auto& other : what.beside)
    if (const auto met = is_met(what, other))
      add(*met);
  return out;
}

json as_json(const outcome& what, double load_average) {
  json out{{"name", what.name},
           {"value", what.value},
           {"unit", what.unit},
           {"mode", what.mode}};
  if (what.target != 0)
    out.add("target", what.target);
  if (const auto* peer = first(what, standing::peer))
    out.add("peer", as_json(what, *peer));
  if (const auto* limit = first(what, standing::limit))
    out.add("limit", as_json(what, *limit));
  if (!what.beside.empty()) {
    auto beside = json::array();
    auto ratios = json::object();
    auto targets = json::object();
    for (const auto& other : what.beside) {
      beside.add(as_json(what, other));
      ratios.add(other.name, ratio_of(what, other));
      if (other.target != 0)
        targets.add(other.name, other.target);
    }
    out.add("beside", std::move(beside));
    out.add("ratios", std::move(ratios));
    out.add("targets", std::move(targets));
  }
  if (const auto met = is_met(what))
    out.add("met", *met);
  out.add("less_is_better", what.less_is_better);
  out.add("runs", what.runs);
  for (const auto& [name, value] : what.more)
    out.add(name, value);
  out.add("load_average_before", load_average);
  return out;
}

std::string as_text(const outcome& what) {
  auto out = fmt::format("{}: {:.6g} {}", what.name, what.value, what.unit);
  if (!what.mode.empty())
    out += ", " + what.mode;
  if (what.target != 0)
    out
      += target_text(what, what.target, reaches(what, what.value, what.target));
  for (const auto& other : what.beside) {
    out += fmt::format("\n  {:.6g} {}: ratio {:.3g}", other.value, other.name,
                       ratio_of(what, other));
    if (const auto met = is_met(what, other))
      out += target_text(what, other.target, *met);
  }
  return out;
}

} // namespace millrace::bench
