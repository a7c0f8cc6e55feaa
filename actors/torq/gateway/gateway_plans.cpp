// Plans of several steps.
#include <millrace/actors/torq/gateway/gateway.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// How often a plan begins anew because the stores moved on.
constexpr int plan_begins_max = 4;

} // namespace

void gateway_state::name_sources(plan_request& what) const {
  what.sources.clear();
  for (const auto& fragment : what.plan.fragments) {
    const auto& table = settings.tables.at(fragment.table);
    what.sources.push_back(
      {table.home.stream,
       table.in_rdb || backends.known(backend_role::rdb, table.home)});
  }
}

/// A place is one of a stream: a plan that is to end there is about that one.
error gateway_state::check_place(const plan_request& what) {
  if (!what.as_of)
    return {};
  std::optional<size_t> first;
  for (size_t i = 0; i < what.sources.size(); ++i) {
    if (!what.sources[i].grows)
      continue;
    if (first && what.sources[i].stream != what.sources[*first].stream)
      return {errc::invalid_argument,
              "as_of is a place in one stream, and '"
                + what.plan.fragments[*first].table + "' and '"
                + what.plan.fragments[i].table + "' are of different ones"};
    first = first.value_or(i);
  }
  return {};
}

/// Whether each store that has rows of one table has those of the other.
bool gateway_state::have_both(const query::joined_tables& tables) const {
  const auto& left = settings.tables.at(tables.left.table);
  const auto& right = settings.tables.at(tables.right.table);
  const auto of_left = backends.candidates(backend_role::rdb, left.home);
  const auto of_right = backends.candidates(backend_role::rdb, right.home);
  return left.home.stream == right.home.stream
         && left.home.directory == right.home.directory
         && left.in_rdb == right.in_rdb && left.in_hdb == right.in_hdb
         && std::is_permutation(of_left.begin(), of_left.end(),
                                of_right.begin(), of_right.end());
}

/// Stores that moved on or do not have both tables, rows that do not follow
/// each other, and stores of an earlier release: rows can be asked for all the
/// same.
bool gateway_state::may_ask_by_rows(errc fault) noexcept {
  return fault == errc::moved || fault == errc::not_found
         || fault == errc::malformed_message;
}

void gateway_state::ask_joined(plan_request what, asker to) {
  const auto in_stores = what.plan.in_stores;
  if (!in_stores || !have_both(*in_stores->fragments.front().joined.tables))
    return begin_plan(std::move(what), 0, std::move(to));
  const auto by_rows = std::make_shared<const plan_request>(std::move(what));
  if (in_stores->is_fragment()) {
    held_question question;
    question.plan = in_stores->fragments.front();
    question.at_least = by_rows->at_least;
    question.as_of = by_rows->as_of;
    question.deadline_ns = by_rows->deadline_ns;
    question.by_rows = by_rows;
    question.to = std::move(to);
    return ask_alone(std::move(question));
  }
  auto joined = *by_rows;
  joined.plan = *in_stores;
  joined.by_rows = by_rows;
  name_sources(joined);
  begin_plan(std::move(joined), 0, std::move(to));
}

void gateway_state::begin_plan(plan_request what, int begun_before, asker to) {
  what.number = ++plan_last;
  what.memory = account_of(what.plan.fragments.front(), what.bytes_max);
  for (auto& each : what.plan.fragments)
    each.priority = what.priority;
  what.announced.clear();
  for (const auto& [backend_name, entry] : backends.all())
    if (entry.handle && entry.announced)
      what.announced.emplace(backend_name, *entry.announced);
  auto request = std::make_shared<const plan_request>(std::move(what));
  plans.emplace(request->number, request);
  auto runner = self->spawn(gateway_plan, env,
                            fragment_actor{gateway_self_actor{self}}, request);
  self->request(runner, caf::infinite, start_atom::value)
    .then(
      [this, to, request](const chunks& rows, const query_cut& cut) mutable {
        plans.erase(request->number);
        count(to, {});
        to.memory = request->memory;
        give(to, rows, cut);
      },
      [this, to, request, begun_before](caf::error& fault) mutable {
        plans.erase(request->number);
        if (request->by_rows && may_ask_by_rows(from_caf(fault).code))
          return begin_plan(*request->by_rows, 0, std::move(to));
        if (fault == errc::moved && begun_before + 1 < plan_begins_max
            && env->clock->monotonic_ns() < request->deadline_ns)
          return begin_plan(*request, begun_before + 1, std::move(to));
        count(to, from_caf(fault));
        to.promise.deliver(std::move(fault));
      });
}

void gateway_state::ask_fragment(uint64_t plan, size_t fragment,
                                 const stream_place& upto, asker to) {
  const auto found = plans.find(plan);
  if (found == plans.end()) {
    to.promise.deliver(to_caf({errc::cancelled, "the query is over"}));
    return;
  }
  const auto& request = found->second;
  held_question what;
  what.plan = request->plan.fragments.at(fragment);
  what.plan.bytes_max = request->bytes_max;
  if (request->sources.at(fragment).stream == request->sources.front().stream)
    what.at_least = request->at_least;
  what.part_of = request;
  what.upto = upto;
  what.as_of = request->as_of;
  what.deadline_ns = request->deadline_ns;
  what.to = std::move(to);
  hold(std::move(what));
}

void gateway_state::keep_to_plan(const held_question& what,
                                 cut_query::question& question) {
  question.is_part = true;
  if (what.as_of)
    return; // All of the plan ends there.
  if (what.upto.at != newest) {
    question.at_least = question.upto = what.upto.at;
    question.life = what.upto.life;
    return;
  }
  // The place that it is answered at holds for all of its stream: it is not
  // below what is written down of any of them.
  for (size_t i = 0; i < what.part_of->sources.size(); ++i) {
    const auto& source = what.part_of->sources[i];
    if (!source.grows || source.stream != question.stream)
      continue;
    const auto& table = what.part_of->plan.fragments[i].table;
    for (const auto* hdb :
         backends.candidates(backend_role::hdb, settings.tables.at(table).home))
      if (const auto found = what.part_of->announced.find(hdb->row.name);
          found != what.part_of->announced.end())
        question.at_least
          = std::max(question.at_least, cut_of(found->second, table).cutover);
  }
}

/// Those of the table's own directory first; copies in others serve where its
/// files are damaged.
void gateway_state::name_backends(const held_question& what,
                                  const table_home& home,
                                  gateway_request& into) {
  auto& question = into.question;
  const auto now = env->clock->monotonic_ns();
  for (const auto* hdb :
       backends.candidates(backend_role::hdb, home, turn, now)) {
    if (question.hdbs.empty())
      into.loads.push_back(hdb->load.take());
    question.hdbs.push_back({hdb->row.name, cut_for(what, *hdb)});
    into.add(*hdb);
  }
  const auto own = backends.contents(home);
  for (const auto* copy : backends.copies(home)) {
    question.hdbs.push_back({copy->row.name, cut_for(what, *copy),
                             copy->directory,
                             own == copy->announced->contents.at(home.table)});
    into.add(*copy);
  }
  for (const auto* rdb :
       backends.candidates(backend_role::rdb, home, turn, now)) {
    if (question.rdbs.empty())
      into.loads.push_back(rdb->load.take());
    question.rdbs.push_back(rdb->row.name);
    into.add(*rdb);
  }
}

std::optional<partition_cut> gateway_state::cut_for(const held_question& what,
                                                    const backend& hdb) const {
  if (what.part_of)
    if (const auto found = what.part_of->announced.find(hdb.row.name);
        found != what.part_of->announced.end())
      return cut_of(found->second, what.plan.table);
  return hdb.cut_of(what.plan.table);
}

} // namespace millrace::torq
