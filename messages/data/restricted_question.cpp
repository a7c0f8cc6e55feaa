#include <millrace/messages/data/restricted_question.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

namespace millrace {

std::string to_json(const restricted_question& what) {
  text::json_value out{{"user", what.user},
                       {"peer", what.peer},
                       {"tables", text::json_value::array()},
                       {"question", what.question}};
  for (const auto& table : what.tables)
    out["tables"].add(table);
  if (what.rows_max != 0)
    out["rows_max"] = what.rows_max;
  if (what.bytes_max != 0)
    out["bytes_max"] = what.bytes_max;
  if (what.priority_max != question_priority::normal)
    out["priority_max"]
      = std::string{question_priority_names.name_of(what.priority_max)};
  return out.dump();
}

result<std::optional<restricted_question>>
read_restricted(std::string_view json) {
  const auto read = text::parse_json(json);
  // What is wrong with another question is told by those who take it up.
  if (!read || !read->is_object() || !read->find("question"))
    return std::optional<restricted_question>{};
  const error bad{errc::invalid_argument,
                  "a question on behalf of a user has the texts user, peer and "
                  "question, a list of tables, and perhaps the numbers "
                  "rows_max and bytes_max, and priority_max"};
  restricted_question out;
  for (const auto& [key, value] : read->entries()) {
    const auto* text = value.text();
    if (key == "tables") {
      for (const auto& table : value.elements()) {
        if (!table.text())
          return bad;
        out.tables.insert(*table.text());
      }
      continue;
    }
    if (key == "rows_max" || key == "bytes_max") {
      const auto limit = value.natural();
      if (!limit)
        return bad;
      (key == "rows_max" ? out.rows_max : out.bytes_max) = *limit;
      continue;
    }
    if (!text)
      return bad;
    if (key == "user")
      out.user = *text;
    else if (key == "peer")
      out.peer = *text;
    else if (const auto most = question_priority_names.find(*text);
             key == "priority_max" && most)
      out.priority_max = *most;
    else if (key == "question")
      out.question = *text;
    else
      return bad;
  }
  return std::optional{std::move(out)};
}

} // namespace millrace
