#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/front/sql/sql.hpp>
#include <millrace/query/table/result_text.hpp>
#include <millrace/tests/query/sql_tables.hpp>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

using namespace query;
using testing_support::sql_parts;
using testing_support::sql_table;

constexpr int64_t fuzzed_now_ns = 757'521'000'500'000'000;
constexpr uint64_t fuzzed_memory_max = 32 << 20;
/// Nobody writes more in a fuzzer's corpus, and libpg_query takes what it
/// takes.
constexpr size_t question_bytes_max = 4096;

std::vector<std::string> fuzzed_names() { return {"orders", "quote", "trade"}; }

/// All that a cluster does with a question but to travel.
void carry_out(const split_plan& asked) {
  (void)to_string(asked);
  std::vector<table_data> fetched;
  for (const auto& fragment : asked.fragments) {
    const auto sent = decode_plan(encode(fragment));
    MILLRACE_ASSERT(sent);
    merger merged{fragment};
    for (const auto& part : sql_parts().at(fragment.table)) {
      auto partial = execute(*sent, {part}, {.memory_max = fuzzed_memory_max});
      if (!partial)
        return;
      for (const auto& message : encode(*partial, 2000)) {
        auto read = decode_partial(message.bytes());
        MILLRACE_ASSERT(read);
        if (merged.add(*std::move(read)))
          return;
      }
    }
    auto table = merged.finish();
    if (!table)
      return;
    fetched.push_back(*std::move(table));
  }
  const auto rows
    = run_plan(asked.rest, fetched, {.memory_max = fuzzed_memory_max});
  if (rows)
    for (const auto format : {result_format::csv, result_format::json})
      (void)to_text(*rows, format);
}

void carry_out(plan_node plan) {
  if (resolve(plan))
    return;
  if (const auto cut = split(plan))
    carry_out(*cut);
}

} // namespace

void query_plan(input given) {
  aligned_copy copy{given};
  (void)decode_flow(copy.bytes());
  const auto plan = decode_plan(copy.bytes());
  if (!plan)
    return;
  MILLRACE_ASSERT(!validate(*plan));
  (void)to_string(*plan);
  const auto again = decode_plan(encode(*plan));
  MILLRACE_ASSERT(again);
  const auto found = sql_parts().find(plan->table);
  if (found == sql_parts().end())
    return;
  merger merged{*plan};
  for (const auto& part : found->second) {
    auto partial = execute(*plan, {part}, {.memory_max = fuzzed_memory_max});
    if (!partial || merged.add(*std::move(partial)))
      return;
  }
  (void)merged.finish();
}

void query_result(input given) {
  aligned_copy copy{given};
  (void)row_count_of(copy.bytes());
  auto read = decode_partial(copy.bytes());
  if (!read)
    return;
  (void)read->byte_count();
  for (const auto& message : encode(*read, 4096))
    MILLRACE_ASSERT(decode_partial(message.bytes()));
  std::vector<partial_result> all;
  all.push_back(*std::move(read));
  if (const auto rows = joined_rows(all))
    (void)to_text(*rows, result_format::json);
}

void getdata(input given) {
  if (given.size() > question_bytes_max)
    return;
  if (const auto asked
      = parse_question(text_of(given), sql_table, fuzzed_now_ns, fuzzed_names(),
                       built_in_queries()))
    if (!asked->told)
      carry_out(asked->plan);
}

void qsql(input given) {
  if (given.size() > question_bytes_max)
    return;
  auto asked
    = parse_qsql(text_of(given), sql_table, fuzzed_now_ns, fuzzed_names(),
                 lookup_in(built_in_queries(), sql_table, fuzzed_now_ns));
  if (asked && !asked->told)
    carry_out(std::move(asked->plan));
}

void sql(input given) {
  if (given.size() > question_bytes_max)
    return;
  auto asked
    = parse_sql(text_of(given), sql_table, fuzzed_now_ns,
                lookup_in(built_in_queries(), sql_table, fuzzed_now_ns));
  if (asked)
    carry_out(std::move(asked->plan));
}

} // namespace millrace::fuzz
