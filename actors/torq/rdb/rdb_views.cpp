#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/messages/base/planted_bug.hpp>

// What a question is carried out over.

namespace millrace::torq {

result<std::shared_ptr<query_work>>
rdb_state::bind(rdb_question what, const persistence::store_snapshot& snapshot,
                rdb_cut& cut) {
  const auto& rows = what.rows;
  const auto first = MILLRACE_PLANTED(count_twice_across_the_cutover)
                       ? snapshot.begin
                       : rows.cutover;
  const auto add = [&](const std::string& table,
                       std::vector<persistence::table_view>& parts) -> error {
    add_missing(cut.warnings, persistence::lines_of(
                                store->lost(rows.cutover, cut.upper, table)));
    if (const auto found = settings.unserved.find(table);
        found != settings.unserved.end())
      add_missing(cut.warnings, {found->second});
    auto view = snapshot.view(table, first, cut.upper);
    if (!view)
      return view.failure();
    parts.push_back(*std::move(view));
    return {};
  };
  auto work = std::make_shared<query_work>();
  if (auto fault = add(what.plan.table, work->parts))
    return fault;
  if (what.plan.joined)
    if (auto fault = add(what.plan.joined->right.table, work->right_parts))
      return fault;
  work->memory
    = questions_memory.account("the query on table '" + what.plan.table + "'");
  work->plan = std::move(what.plan);
  work->is_live = true;
  work->deadline_ns = what.deadline_ns;
  work->asker = std::move(what.asker);
  work->process = settings.process;
  return work;
}

} // namespace millrace::torq
