#include <millrace/messages/data/meant_type.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/configuration/read_queries.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::in_quotes;
using text::toml_faults;
using text::toml_section;

/// What can be applied to values in q, and called in SQL.
bool is_function_name(std::string_view name) {
  const auto is_letter
    = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && is_letter(name.front())
         && std::all_of(name.begin(), name.end(), [&](char c) {
              return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
            });
}

/// "startdate:date"
void read_parameter(toml_section& at, const std::string& written,
                    query_config& into) {
  const auto colon = written.find(':');
  column_schema out;
  out.name = written.substr(0, colon);
  const auto type
    = colon == written.npos ? std::string{} : written.substr(colon + 1);
  if (!is_function_name(out.name) || type.empty())
    return at.fault("parameters", in_quotes(written)
                                    + " is not \"name:type\", with a name of "
                                      "letters, digits and '_'");
  const auto known = column_type_of(type);
  if (!known)
    return at.fault("parameters", in_quotes(out.name) + " has the unknown type "
                                    + in_quotes(type) + meant_type(type));
  out.type = *known;
  for (const auto& each : into.parameters)
    if (each.name == out.name)
      return at.fault("parameters", in_quotes(out.name) + " is there twice");
  into.parameters.push_back(std::move(out));
}

query_config read_query(toml_section& at, const std::string& file) {
  query_config out;
  out.file = file;
  out.line = at.line();
  out.name = at.required_text("name");
  if (!out.name.empty() && !is_function_name(out.name))
    at.fault("name",
             in_quotes(out.name) + " is not a name of letters, digits and '_'");
  out.language
    = at.choice("language", {"qsql", "sql"}, false) == 0 ? "qsql" : "sql";
  for (const auto& each : at.texts("parameters"))
    read_parameter(at, each, out);
  out.text = at.required_text("text");
  if (const auto* text = at.find("text"))
    out.text_line = text->line;
  out.description = at.text("description", "");
  return out;
}

} // namespace

std::vector<query_config> read_queries(toml_section& root,
                                       const std::string& file) {
  std::vector<query_config> out;
  root.each("query", [&](toml_section& at) {
    auto made = read_query(at, file);
    for (const auto& each : out)
      if (each.name == made.name && !made.name.empty())
        at.fault("name", in_quotes(made.name) + " is there twice");
    out.push_back(std::move(made));
  });
  return out;
}

result<std::vector<query_config>> parse_queries(std::string_view text,
                                                const std::string& file) {
  const auto root = text::parse_toml(text, file);
  if (!root)
    return root.failure();
  toml_faults faults{file};
  toml_section at{*root, "", faults};
  auto out = read_queries(at, file);
  at.finish();
  if (auto fault = faults.to_error())
    return fault;
  return out;
}

} // namespace millrace::nodes
