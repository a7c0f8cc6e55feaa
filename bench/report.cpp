#include <millrace/bench/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

namespace {

/// What the outcomes of a family have in common.
struct family_score {
  size_t with_target = 0;
  size_t met = 0;
  size_t slower = 0; ///< Than the best peer.
};

/// How many times as fast as its best peer, in the geometric mean.
double lead_of(const std::vector<outcome>& all) {
  double sum = 0;
  for (const auto& each : all)
    sum += std::log(each.beside.front().value / each.value);
  return std::exp(sum / static_cast<double>(all.size()));
}

family_score score_of(const std::vector<outcome>& all) {
  family_score out;
  for (const auto& each : all) {
    if (each.target != 0) {
      ++out.with_target;
      out.met += reaches(each, each.value, each.target);
    }
    out.slower += is_met(each, each.beside.front()) == false;
  }
  return out;
}

} // namespace

json family_as_json(const std::string& name, const std::vector<outcome>& all,
                    double load_average) {
  const auto score = score_of(all);
  auto list = json::array();
  for (const auto& each : all)
    list.add(as_json(each, load_average));
  return {{"name", name},
          {"value", lead_of(all)},
          {"unit", "times as fast as the best peer, geometric mean"},
          {"count", all.size()},
          {"with_target", score.with_target},
          {"met", score.met},
          {"slower_than_peer", score.slower},
          {"load_average_before", load_average},
          {"benchmarks", std::move(list)}};
}

std::string family_as_text(const std::string& name,
                           const std::vector<outcome>& all) {
  const auto score = score_of(all);
  return fmt::format("{}: {:.3g} times as fast as the best peer (geometric "
                     "mean of {}); {} slower than it; targets met: {} of {}",
                     name, lead_of(all), all.size(), score.slower, score.met,
                     score.with_target);
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
