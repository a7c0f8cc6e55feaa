#include <millrace/messages/text/toml_string.hpp>
#include <millrace/nodes/configuration/edited_text.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::toml_kind;
using text::toml_value;

/// Where a value begins in the text.
size_t offset_of(const std::string& text, const toml_value& value) {
  size_t at = 0;
  for (uint32_t line = 1; line < value.line && at != std::string::npos; ++line)
    at = text.find('\n', at) + 1;
  return at + value.column - 1;
}

} // namespace

const toml_value* entry_of(const toml_value& table, std::string_view key) {
  for (const auto& [name, value] : table.entries)
    if (name == key)
      return &value;
  return nullptr;
}

result<std::string> add_to_lists(const std::string& text,
                                 const toml_value& root,
                                 std::vector<std::string> processes,
                                 std::string_view type, std::string_view key,
                                 const std::string& item) {
  std::vector<size_t> places;
  if (const auto* all = entry_of(root, "process"))
    for (const auto& process : all->items) {
      const auto* name = entry_of(process, "name");
      if (name == nullptr || std::erase(processes, name->text) == 0)
        continue;
      const auto* its_type = entry_of(process, "type");
      if (its_type == nullptr || its_type->text != type)
        return error{errc::invalid_argument,
                     "process '" + name->text + "' has no " + std::string{key}
                       + ": it is no " + std::string{type}};
      if (const auto* list = entry_of(process, key)) {
        const auto at = text.find('[', offset_of(text, *list));
        if (list->type != toml_kind::array || at == std::string::npos)
          return error{errc::config, "process '" + name->text + "': its "
                                       + std::string{key} + " are no list"};
        places.push_back(at + 1);
      }
    }
  if (!processes.empty())
    return error{errc::not_found,
                 "'" + processes.front() + "' is not a [[process]]"};
  // From the end on, so that the others stay where they are.
  std::sort(places.rbegin(), places.rend());
  auto out = text;
  for (const auto at : places)
    out.insert(at, text::toml_string(item) + ", ");
  return out;
}

} // namespace millrace::nodes
