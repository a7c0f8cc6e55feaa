#include <millrace/messages/text/toml_document.hpp>
#include <millrace/messages/text/toml_string.hpp>
#include <millrace/nodes/configuration/declared_stream.hpp>
#include <millrace/nodes/configuration/edited_text.hpp>

namespace millrace::nodes {

namespace {

std::string stream_table(const stream_declaration& what) {
  std::string out
    = "\n[[stream]]\nname = " + text::toml_string(what.name) + "\n";
  const auto add = [&out](const char* key, const std::string& value) {
    if (!value.empty())
      out += std::string{key} + " = " + text::toml_string(value) + "\n";
  };
  add("mode", what.mode);
  add("roll_size", what.roll_size);
  add("id_policy", what.id_policy);
  add("retention_age", what.retention_age);
  add("retention_size", what.retention_size);
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
  auto added = add_to_lists(text, *root, what.processes, process_type::rt,
                            "streams", what.name);
  if (!added)
    return added.failure();
  auto out = *std::move(added);
  if (!out.ends_with('\n'))
    out += '\n';
  out += stream_table(what);
  if (auto whole = parse_configuration(out, file); !whole)
    return whole.failure();
  return out;
}

} // namespace millrace::nodes
