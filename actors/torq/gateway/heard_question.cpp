#include <millrace/actors/torq/gateway/heard_question.hpp>
#include <millrace/messages/data/restricted_question.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace millrace::torq {

namespace {

/// Its language and text, as far as these can be told.
std::string shown_of(const std::string& question) {
  constexpr size_t shown_max = 200;
  constexpr size_t read_max = 64 * 1024;
  if (question.size() <= read_max)
    if (const auto read = text::parse_json(question); read && read->is_object())
      if (const auto* asked = read->at("text").text())
        return read->at("language").text_or_empty() + ": "
               + text::shown_on_line(*asked, shown_max, ' ');
  return "getdata: " + text::shown_on_line(question, shown_max, ' ');
}

std::string tables_of(const query::split_plan& plan) {
  std::set<std::string> tables;
  for (const auto& each : plan.fragments)
    tables.insert(each.table);
  std::string out;
  for (const auto& each : tables)
    out += (out.empty() ? "" : ", ") + each;
  return out.empty() ? "no table" : out;
}

/// Every table that a plan scans is one that this user may ask about: whatever
/// way a name took through a language.
error check_scans(const query::question& what,
                  const restricted_question& whose) {
  for (const auto& each : what.plan.fragments)
    if (!whose.tables.contains(each.table))
      return {errc::not_found, "there is no table '" + each.table + "'"};
  return {};
}

result<query::question> understand(const std::string& question,
                                   const query::schema_lookup& find,
                                   const std::vector<std::string>& tables,
                                   const query::named_queries& queries,
                                   int64_t now_ns, std::string& missed) {
  auto out = query::parse_question(
    question,
    [&](std::string_view table) {
      const auto* found = find(table);
      if (found == nullptr)
        missed = table;
      return found;
    },
    now_ns, tables, queries);
  if (out)
    return out;
  auto fault = out.failure();
  // The last thing that was looked for is the one that stopped it.
  if (fault.code == errc::not_found && !missed.empty())
    fault.context += text::meant(missed, tables);
  return fault;
}

} // namespace

heard_question hear_question(const std::string& parameters,
                             const query::schema_lookup& find,
                             const std::vector<std::string>& tables,
                             const query::named_queries& queries,
                             int64_t now_ns) {
  std::string missed;
  const auto read = read_restricted(parameters);
  if (!read)
    return {read.failure(), {}, shown_of(parameters)};
  if (!*read)
    return {understand(parameters, find, tables, queries, now_ns, missed),
            {},
            shown_of(parameters)};
  const auto& whose = **read;
  std::vector<std::string> known;
  for (const auto& each : tables)
    if (whose.tables.contains(each))
      known.push_back(each);
  auto out = understand(
    whose.question,
    [&](std::string_view table) {
      return whose.tables.contains(table) ? find(table) : nullptr;
    },
    known, queries, now_ns, missed);
  if (out)
    if (auto fault = check_scans(*out, whose))
      out = std::move(fault);
  const bool is_kept_from
    = !out && out.failure().code == errc::not_found
      && std::find(tables.begin(), tables.end(), missed) != tables.end()
      && !whose.tables.contains(missed);
  auto audit
    = "user '" + whose.user + "' at " + whose.peer + " queries "
      + (out            ? tables_of(out->plan) + ": allowed"
         : is_kept_from ? "'" + missed + "': refused"
                        : std::string{"what cannot be answered: "}
                            + std::string{to_string(out.failure().code)})
      + ": " + text::shown_on_line(whose.question, 300, ' ');
  return {std::move(out), std::move(audit), shown_of(whose.question),
          whose.rows_max, whose.bytes_max,  whose.priority_max};
}

} // namespace millrace::torq
