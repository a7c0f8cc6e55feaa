#include <millrace/messages/data/progress_trace.hpp>
#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/nodes/monitoring/metric_list.hpp>
#include <millrace/nodes/monitoring/metrics_text.hpp>

#include <array>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::nodes {

namespace {

using text::json_value;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      out += c;
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  return std::string{name} + "=\"" + escaped(value) + "\"";
}

std::string in_seconds(double ms) {
  constexpr double ms_per_s = 1000;
  std::array<char, 32> out{};
  const auto end
    = std::to_chars(out.data(), out.data() + out.size(), ms / ms_per_s);
  return {out.data(), end.ptr};
}

/// A number or a truth; empty: something else.
std::string number_of(const json_value& value, std::string_view unit) {
  if (const auto truth = value.boolean())
    return *truth ? "1" : "0";
  if (const auto number = value.number(); number && unit == "ms")
    return in_seconds(*number);
  return value.number() || value.is_whole() ? value.dump() : std::string{};
}

std::string_view take_part(std::string_view& from, char end) {
  const auto at = from.find(end);
  const auto out = from.substr(0, at);
  from.remove_prefix(at == from.npos ? from.size() : at + 1);
  return out;
}

/// Calls f(labels, value) for all that stands in `in` where `path` says.
template <class F>
void for_each_at(const json_value& in, std::string_view path,
                 std::string_view names, const std::string& labels, F& f) {
  if (path.empty())
    return f(labels, in);
  const auto part = take_part(path, '.');
  if (part == "*") {
    const auto name = take_part(names, ',');
    for (const auto& [key, value] : in.entries())
      for_each_at(value, path, names, labels + "," + label(name, key), f);
  } else if (part.starts_with('[')) {
    const auto name = take_part(names, ',');
    const auto key = part.substr(1, part.size() - 2);
    for (const auto& each : in.elements())
      for_each_at(each, path, names,
                  labels + "," + label(name, each.at(key).text_or_empty()), f);
  } else if (const auto* found = in.find(part)) {
    for_each_at(*found, path, names, labels, f);
  }
}

/// What lags are reckoned by: of each stream, where it ended when.
std::map<std::string, progress_trace> traces_of(const json_value& status) {
  std::map<std::string, progress_trace> out;
  for (const auto& node : status.at("nodes").elements())
    for (const auto& [process, facts] : node.at("processes").entries())
      if (facts.at("role").text_or_empty() == "rt"
          && facts.at("leads").boolean().value_or(false))
        out.emplace(facts.at("stream").text_or_empty(),
                    progress_trace::from_json(facts.at("progress")));
  return out;
}

/// Adds how far a copy of a stream, or what takes it in, is behind it.
json_value with_lag(const json_value& facts,
                    const std::map<std::string, progress_trace>& traces) {
  auto out = facts;
  const auto& role = facts.at("role").text_or_empty();
  const bool copies
    = role == "rt" && !facts.at("leads").boolean().value_or(true);
  if (!copies && role != "rdb")
    return out;
  const auto place = facts.at(copies ? "end" : "position").natural();
  const auto trace = traces.find(facts.at("stream").text_or_empty());
  if (place && trace != traces.end())
    if (const auto lag = trace->second.lag_of({*place}, 0))
      out["lag"] = to_json(*lag);
  return out;
}

/// The lines of each metric.
class metric_writer {
public:
  explicit metric_writer(const json_value& status) {
    const auto traces = traces_of(status);
    for (const auto& node : status.at("nodes").elements()) {
      const auto at = label("node", node.at("name").text_or_empty());
      nodes_.emplace_back(at, node);
      for (const auto& [name, facts] : node.at("processes").entries()) {
        const auto stream = stream_of_actor(name);
        processes_.emplace_back(
          at + ","
            + (stream ? label("stream", *stream) : label("process", name)),
          with_lag(facts, traces));
      }
    }
  }

  std::string text() {
    for (const auto& each : metrics()) {
      if (each.role != "port") {
        add(each, each.role, std::string{each.name});
        continue;
      }
      for (const auto* type : {"kdb", "http", "postgres"})
        add(each, type,
            std::string{"millrace_"} + type + "_" + std::string{each.name});
    }
    return std::move(out_);
  }

private:
  using named = std::pair<std::string, json_value>;

  void add(const metric& what, std::string_view role, const std::string& name) {
    constexpr const char* kinds[] = {"gauge", "counter", "histogram"};
    std::string lines;
    bool is_there = false;
    const auto add_line = [&](const std::string& labels,
                              const json_value& value) {
      is_there = true;
      if (what.what == metric::kind::histogram)
        add_histogram(lines, name, labels, value);
      else if (const auto number = number_of(value, what.unit); !number.empty())
        lines += name + "{" + labels + "} " + number + "\n";
    };
    for (const auto& [labels, facts] : role == "node" ? nodes_ : processes_)
      if (role == "node" || role.empty()
          || facts.at("role").text_or_empty() == role) {
        is_there = false;
        for_each_at(facts, what.key, what.labels, labels, add_line);
        // Of a node that does not answer nothing is known.
        if (!is_there && what.is_from_zero
            && facts.at("answers").boolean().value_or(true))
          add_line(labels, 0);
      }
    if (lines.empty())
      return;
    out_ += "# HELP " + name + " " + std::string{what.help} + "\n# TYPE " + name
            + " " + kinds[static_cast<size_t>(what.what)] + "\n" + lines;
  }

  static void add_histogram(std::string& lines, const std::string& name,
                            const std::string& labels,
                            const json_value& value) {
    const auto count = value.at("count").dump();
    for (const auto& [bound, within] : value.at("within").entries())
      lines += name + "_bucket{" + labels + "," + label("le", bound) + "} "
               + within.dump() + "\n";
    lines += name + "_bucket{" + labels + "," + label("le", "+Inf") + "} "
             + count + "\n" + name + "_sum{" + labels + "} "
             + value.at("seconds").dump() + "\n" + name + "_count{" + labels
             + "} " + count + "\n";
  }

  std::vector<named> nodes_;
  std::vector<named> processes_;
  std::string out_;
};

} // namespace

std::string metrics_text(const json_value& status) {
  return metric_writer{status}.text();
}

} // namespace millrace::nodes
