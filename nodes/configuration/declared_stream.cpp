#include <millrace/messages/text/toml_document.hpp>
#include <millrace/nodes/configuration/declared_stream.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::toml_kind;
using text::toml_value;

const toml_value* entry_of(const toml_value& table, std::string_view key) {
  for (const auto& [name, value] : table.entries)
    if (name == key)
      return &value;
  return nullptr;
}

/// Where a value begins in the text.
size_t offset_of(const std::string& text, const toml_value& value) {
  size_t at = 0;
  for (uint32_t line = 1; line < value.line && at != std::string::npos; ++line)
    at = text.find('\n', at) + 1;
  return at + value.column - 1;
}

/// As TOML has it. Names of a configuration have nothing to escape; what else a
/// user gave is checked when the text is read.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\')
      out += '\\';
    out += each;
  }
  return out + '"';
}

std::string stream_table(const stream_declaration& what) {
  std::string out = "\n[[stream]]\nname = " + quoted(what.name) + "\n";
  const auto add = [&out](const char* key, const std::string& value) {
    if (!value.empty())
      out += std::string{key} + " = " + quoted(value) + "\n";
  };
  add("mode", what.mode);
  add("roll_size", what.roll_size);
  add("retention_age", what.retention_age);
  add("retention_size", what.retention_size);
  return out;
}

/// Where the lists of streams begin that get one more, the last of them first.
result<std::vector<size_t>> lists_of(const std::string& text,
                                     const toml_value& root,
                                     const stream_declaration& what) {
  std::vector<size_t> out;
  auto left = what.processes;
  if (const auto* processes = entry_of(root, "process"))
    for (const auto& process : processes->items) {
      const auto* name = entry_of(process, "name");
      if (name == nullptr || std::erase(left, name->text) == 0)
        continue;
      const auto* type = entry_of(process, "type");
      if (type == nullptr || type->text != process_type::rt)
        return error{errc::invalid_argument,
                     "process '" + name->text + "' orders no streams: it is no "
                       + std::string{process_type::rt}};
      if (const auto* list = entry_of(process, "streams")) {
        const auto at = text.find('[', offset_of(text, *list));
        if (list->type != toml_kind::array || at == std::string::npos)
          return error{errc::config,
                       "process '" + name->text + "': its streams are no list"};
        out.push_back(at + 1);
      }
    }
  if (!left.empty())
    return error{errc::not_found,
                 "'" + left.front() + "' is not a [[process]]"};
  std::sort(out.rbegin(), out.rend());
  return out;
}

} // namespace

result<std::string> declare_stream(const std::string& text,
                                   const std::string& file,
                                   const stream_declaration& what) {
  auto root = text::parse_toml(text, file);
  if (!root)
    return root.failure();
  if (const auto* streams = entry_of(*root, "stream"))
    for (const auto& stream : streams->items)
      if (const auto* name = entry_of(stream, "name");
          name != nullptr && name->text == what.name)
        return error{errc::already_exists,
                     file + ": stream '" + what.name + "' is there already"};
  auto lists = lists_of(text, *root, what);
  if (!lists)
    return lists.failure();
  auto out = text;
  for (const auto at : *lists)
    out.insert(at, quoted(what.name) + ", ");
  if (!out.ends_with('\n'))
    out += '\n';
  out += stream_table(what);
  if (auto whole = parse_configuration(out, file); !whole)
    return whole.failure();
  return out;
}

} // namespace millrace::nodes
