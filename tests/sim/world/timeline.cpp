#include <millrace/sim/world/timeline.hpp>

#include <algorithm>
#include <cstdio>

namespace millrace::sim {

namespace {

constexpr size_t width_min = 8;
constexpr size_t width_max = 30;
/// Of all columns; where they are more their texts reach over those that
/// follow: each line is of one node.
constexpr size_t all_widths_max = 146;

/// Its lines, cut into some of at most `width` bytes, between words where it
/// can be.
std::vector<std::string> wrapped(const std::string& text, size_t width) {
  std::vector<std::string> out;
  size_t begin = 0;
  for (;;) {
    auto end = text.find('\n', begin);
    if (std::min(end, text.size()) - begin > width)
      end = text.rfind(' ', begin + width);
    else if (end == std::string::npos)
      break;
    if (end == std::string::npos || end <= begin)
      end = begin + width;
    out.push_back(text.substr(begin, end - begin));
    begin = text[end] == ' ' || text[end] == '\n' ? end + 1 : end;
  }
  out.push_back(text.substr(begin));
  return out;
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string clock_text(duration at) {
  char text[32];
  std::snprintf(text, sizeof text, "%9.3f s  ",
                static_cast<double>(at.count()) / 1e9);
  return text;
}

struct column {
  std::string name;
  size_t width = width_min;
};

/// Those that are shown.
std::vector<const happening*> chosen(const std::vector<happening>& all,
                                     size_t last) {
  std::vector<const happening*> out;
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].is_kept || all.size() - i <= last)
      out.push_back(&all[i]);
  return out;
}

/// @param is_narrow becomes whether texts reach over the columns that follow
std::vector<column> columns_of(const std::vector<const happening*>& shown,
                               bool& is_narrow) {
  std::vector<column> out;
  for (const auto* each : shown) {
    if (each->node.empty())
      continue;
    auto at = std::find_if(out.begin(), out.end(), [&](const column& some) {
      return some.name == each->node;
    });
    if (at == out.end())
      at = out.insert(out.end(),
                      {each->node, std::max(width_min, each->node.size())});
    at->width = std::max(at->width, std::min(width_max, each->text.size()));
  }
  size_t all = 0;
  for (const auto& each : out)
    all += each.width + 2;
  is_narrow = all > all_widths_max;
  if (is_narrow)
    for (auto& each : out)
      each.width = std::max(width_min, each.name.size());
  return out;
}

/// How wide a text may be that begins there.
size_t text_width(const column& own, size_t indent, bool is_narrow) {
  if (!is_narrow)
    return own.width;
  return std::max(width_max, all_widths_max - std::min(all_widths_max, indent));
}

void end_line(std::string& out) {
  while (out.ends_with(' '))
    out.pop_back();
  out += '\n';
}

} // namespace

std::string timeline(const std::vector<happening>& all, size_t last) {
  const auto shown = chosen(all, last);
  bool is_narrow = false;
  const auto columns = columns_of(shown, is_narrow);
  std::string out;
  if (const auto left = all.size() - shown.size(); left > 0)
    out += "(" + std::to_string(left)
           + " happenings are left out, none of them a fault; all: "
             "MILLRACE_SIM_TIMELINE=all)\n";
  out += padded("time", clock_text({}).size());
  for (const auto& each : columns)
    out += padded(each.name, each.width + 2);
  end_line(out);
  for (const auto* one : shown) {
    const auto& each = *one;
    auto before = clock_text(each.at);
    auto width = size_t{100};
    size_t indent = 0;
    for (const auto& column : columns) {
      if (column.name == each.node)
        width = text_width(column, indent, is_narrow);
      if (each.node.empty() || column.name == each.node)
        break;
      indent += column.width + 2;
    }
    for (const auto& line : wrapped(each.text, width)) {
      out += before + std::string(indent, ' ') + line;
      end_line(out);
      before.assign(before.size(), ' ');
    }
  }
  return out;
}

} // namespace millrace::sim
