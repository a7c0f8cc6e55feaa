#include <millrace/feed/layout/layout.hpp>
#include <millrace/nodes/cli/layout_option.hpp>

#include <vector>

namespace millrace::nodes {

option declare_layout(option_list& list, std::string& layout) {
  const auto presets = feed::preset_names();
  return list
    .text("--layout", layout,
          "How lines are read: a preset, a name of [feed.layouts], or a layout "
          "file")
    .shown_as("LAYOUT")
    .offers({presets.begin(), presets.end()});
}

} // namespace millrace::nodes
