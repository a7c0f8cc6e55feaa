#include <millrace/messages/text/json_text.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <optional>
#include <string>
#include <utility>

namespace millrace::query {

namespace {

error refused_question(std::string what) {
  return {errc::invalid_argument, "the question: " + std::move(what)};
}

/// A question in a language of text, and how much of its answer is wanted.
struct asked_text {
  question out;
  std::optional<int64_t> limit; ///< The first rows.
};

error read_option(const std::string& key, const text::json_value& value,
                  asked_text& asked) {
  auto& into = asked.out;
  if (key == "timeout") {
    const auto span = value.text()
                        ? parse_literal(*value.text(), column_type::timespan)
                        : refused_question("");
    const auto* ns = span ? std::get_if<int64_t>(&*span) : nullptr;
    if (!ns || *ns <= 0)
      return refused_question("timeout is a timespan above 0, as "
                              "\"0D00:00:30\", not "
                              + value.dump());
    into.timeout_ns = *ns;
    return {};
  }
  if (key == "at_least" || key == "as_of") {
    const auto place = value.natural();
    if (!place)
      return refused_question(key + " is a position, not " + value.dump());
    (key == "as_of" ? into.as_of : into.at_least) = position{*place};
    return {};
  }
  if (key == "priority") {
    const auto wanted = question_priority_names.find(value.text_or_empty());
    if (!wanted)
      return refused_question("priority is low, normal or high, not "
                              + value.dump());
    into.priority = *wanted;
    return {};
  }
  if (key == "explain" || key == "analyze") {
    const auto wanted = value.boolean();
    if (!wanted)
      return refused_question(key + " is true or false, not " + value.dump());
    (key == "explain" ? into.explain : into.analyze) = *wanted;
    return {};
  }
  if (key == "limit") {
    const auto rows = value.integer();
    if (!rows || *rows < 0)
      return refused_question("limit is a count of rows, not " + value.dump());
    asked.limit = *rows;
    return {};
  }
  return refused_question(
    "there is no option '" + key
    + "'; there are timeout, at_least, as_of, priority, explain, analyze and "
      "limit");
}

result<table_data> to_table(const told_rows& told) {
  table_data out;
  out.row_count = told.rows.size();
  for (size_t c = 0; c < told.columns.size(); ++c) {
    const auto& [name, type] = told.columns[c];
    if (type == column_type::char_) {
      column_data column{name, type, {}, {}, {}};
      for (const auto& row : told.rows)
        column.push(static_cast<uint8_t>(row[c].front()));
      out.columns.push_back(std::move(column));
      continue;
    }
    column_writer writer{name, type};
    for (const auto& row : told.rows)
      writer.append_text(row[c]);
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

result<question> with_plan(asked_text asked, plan_node plan) {
  if (asked.limit) {
    // Below what only computes of each row, so that stores send no more.
    auto* at = &plan;
    while (std::holds_alternative<operators::project>(at->what))
      at = &at->inputs.front();
    plan_node first{operators::limit{*asked.limit}, {}, at->columns};
    first.inputs.push_back(std::move(*at));
    *at = std::move(first);
  }
  auto made = split(plan);
  if (!made)
    return made.failure();
  asked.out.plan = *std::move(made);
  return std::move(asked.out);
}

result<question> read_text(const text::json_value& asked,
                           const schema_lookup& find, int64_t now_ns,
                           const std::vector<std::string>& tables,
                           const named_queries& queries) {
  const auto* language = asked.at("language").text();
  if (!language || (*language != "qsql" && *language != "sql"))
    return error{errc::unsupported,
                 "the language " + asked.at("language").dump()
                   + " is not known; there are \"qsql\" and \"sql\""};
  const auto* written = asked.at("text").text();
  if (!written)
    return refused_question("\"text\" is missing");
  asked_text read;
  auto& out = read.out;
  out.language = *language == "sql" ? "sql" : "qsql";
  for (const auto& item : asked.entries())
    if (item.key != "language" && item.key != "text")
      if (auto fault = read_option(item.key, item.value, read))
        return fault;
  // Who asks for the plan alone has nothing run.
  out.analyze = out.analyze && !out.explain;
  const auto named = lookup_in(queries, find, now_ns);
  if (*language == "sql") {
    auto request = parse_sql(*written, find, now_ns, named);
    if (!request)
      return request.failure();
    out.analyze = (out.analyze || request->analyze) && !out.explain;
    out.explain = (out.explain || request->explain) && !out.analyze;
    return with_plan(std::move(read), std::move(request->plan));
  }
  auto request = parse_qsql(*written, find, now_ns, tables, named);
  if (!request)
    return request.failure();
  if (request->told) {
    auto told = to_table(*request->told);
    if (!told)
      return told.failure();
    out.told = *std::move(told);
    return std::move(out);
  }
  return with_plan(std::move(read), std::move(request->plan));
}

/// The question itself, whatever places it names.
result<question> read_question(std::string_view from, const schema_lookup& find,
                               int64_t now_ns,
                               const std::vector<std::string>& tables,
                               const named_queries& queries) {
  const auto asked = text::parse_json(from);
  if (asked && asked->is_object() && asked->find("language"))
    return read_text(*asked, find, now_ns, tables, queries);
  auto request = parse_getdata(from, find);
  if (!request)
    return request.failure();
  question out;
  out.plan = as_fragment(std::move(request->plan));
  out.at_least = request->at_least;
  out.as_of = request->as_of;
  out.timeout_ns = request->timeout_ns;
  out.priority = request->priority;
  out.explain = request->explain;
  out.analyze = request->analyze;
  return out;
}

} // namespace

result<question> parse_question(std::string_view json,
                                const schema_lookup& find, int64_t now_ns,
                                const std::vector<std::string>& tables,
                                const named_queries& queries) {
  auto out = read_question(json, find, now_ns, tables, queries);
  if (out && out->as_of && out->at_least && *out->at_least > *out->as_of)
    return refused_question("as_of " + to_string(*out->as_of)
                            + " is before at_least " + to_string(*out->at_least)
                            + ", which the answer must cover");
  return out;
}

} // namespace millrace::query
