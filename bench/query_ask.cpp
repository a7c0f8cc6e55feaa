#include <millrace/bench/query_ask.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/join_execution.hpp>
#include <millrace/query/execution/plan_run.hpp>
#include <millrace/query/front/question.hpp>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <latch>
#include <utility>

namespace millrace::bench {

namespace {

constexpr size_t worker_count = 2;

/// Runs the morsels of a plan on the pool, and calls `after` with each.
/// @pre nothing of what `after` does fails otherwise than by what it keeps
template <class Execution, class After>
void run_morsels(persistence::executor& pool, Execution& work, After after) {
  const auto count = work.morsel_count();
  const auto workers = std::clamp<size_t>(count, 1, worker_count);
  std::atomic<size_t> next{0};
  std::latch done{static_cast<ptrdiff_t>(workers)};
  const auto job = [&] {
    for (auto i = next++; i < count; i = next++) {
      work.run(i);
      after(i);
    }
    done.count_down();
  };
  // One job on this thread: as a query job does on the pool's.
  for (size_t i = 1; i < workers; ++i)
    pool.submit(job);
  job();
  done.wait();
}

result<std::vector<persistence::table_view>>
parts_of(const query_data& data, row_layout layout, const std::string& table) {
  std::vector<persistence::table_view> out;
  if (layout == row_layout::hdb) {
    const auto pinned = data.hdb->snapshot();
    for (const auto* part : pinned->parts(table))
      out.push_back(pinned->view(*part));
    return out;
  }
  auto view = data.rdb.snapshot()->view(table);
  if (!view)
    return view.failure();
  out.push_back(*std::move(view));
  return out;
}

error read_into(const chunks& messages, read_answer& into) {
  for (const auto& message : messages) {
    auto part = query::decode_partial(message.bytes());
    if (!part)
      return part.failure();
    into.push_back(*std::move(part));
  }
  return {};
}

/// Rows that are final as they are found, morsel by morsel: they are read as
/// they come, while others are still looked for.
result<read_answer> flow(persistence::executor& pool, query::execution& work) {
  std::vector<read_answer> found(work.morsel_count());
  std::vector<error> faults(work.morsel_count());
  run_morsels(pool, work, [&](size_t i) {
    auto part = work.take(i);
    faults[i] = part ? read_into(encode(*part), found[i]) : part.failure();
  });
  read_answer out;
  for (size_t i = 0; i < found.size(); ++i) {
    if (faults[i])
      return faults[i];
    std::ranges::move(found[i], std::back_inserter(out));
  }
  return out;
}

/// What the gateway has of a fragment: merged, as messages.
template <class Execution>
result<chunks> merged(persistence::executor& pool,
                      const query::logical_plan& plan, Execution& work) {
  run_morsels(pool, work, [](size_t) {});
  auto found = work.finish();
  if (!found)
    return found.failure();
  // As the gateway passes on what its only store finished.
  if (found->finished)
    return encode(*found);
  query::merger merge{plan};
  for (const auto& message : encode(*found)) {
    auto part = query::decode_partial(message.bytes());
    if (!part)
      return part.failure();
    if (auto fault = merge.add(*std::move(part)))
      return fault;
  }
  auto table = merge.finish();
  if (!table)
    return table.failure();
  query::partial_result out;
  out.chunks.push_back({0, *std::move(table)});
  return encode(out);
}

/// What a store has of a fragment that came to it.
struct sent_fragment {
  query::logical_plan plan;
  std::vector<persistence::table_view> parts;
};

result<sent_fragment> send(const query_data& data, row_layout layout,
                           const query::logical_plan& fragment) {
  auto asked = fragment;
  asked.alone = true;
  auto plan = query::decode_plan(encode(asked));
  if (!plan)
    return plan.failure();
  auto parts = parts_of(data, layout, fragment.table);
  if (!parts)
    return parts.failure();
  return sent_fragment{*std::move(plan), *std::move(parts)};
}

/// What the gateway has of one fragment, by its store.
result<chunks> fragment_of(const query_data& data, row_layout layout,
                           const query::logical_plan& fragment) {
  auto& pool = *data.host->world().pool;
  auto sent = send(data, layout, fragment);
  if (!sent)
    return sent.failure();
  if (!fragment.joined) {
    query::execution work{
      std::move(sent->plan), std::move(sent->parts), {.pool = &pool}};
    return merged(pool, fragment, work);
  }
  auto right = parts_of(data, layout, fragment.joined->right.table);
  if (!right)
    return right.failure();
  query::join_execution work{std::move(sent->plan), std::move(sent->parts),
                             *std::move(right), layout == row_layout::rdb};
  return merged(pool, fragment, work);
}

/// All rows, which flow.
result<read_answer> flow_of(const query_data& data, row_layout layout,
                            const query::logical_plan& fragment) {
  auto sent = send(data, layout, fragment);
  if (!sent)
    return sent.failure();
  query::execution work{std::move(sent->plan), std::move(sent->parts)};
  return flow(*data.host->world().pool, work);
}

} // namespace

result<read_answer> ask(const query_data& data, row_layout layout,
                        const std::string& json) {
  const auto find = [&](std::string_view name) -> const table_schema* {
    const auto at = std::ranges::find(data.schemas, name, &table_schema::name);
    return at == data.schemas.end() ? nullptr : &*at;
  };
  std::vector<std::string> names;
  for (const auto& schema : data.schemas)
    names.push_back(schema.name);
  auto asked = query::parse_question(json, find, 0, names);
  if (!asked)
    return asked.failure();
  auto& pool = *data.host->world().pool;
  // Both stores have all tables.
  const auto& plan
    = asked->plan.in_stores ? *asked->plan.in_stores : asked->plan;
  std::vector<query::table_data> fetched;
  read_answer out;
  for (const auto& fragment : plan.fragments) {
    if (plan.is_fragment() && flows(fragment))
      return flow_of(data, layout, fragment);
    auto messages = fragment_of(data, layout, fragment);
    if (!messages)
      return messages.failure();
    out.clear();
    if (auto fault = read_into(*messages, out))
      return fault;
    if (plan.is_fragment())
      return out;
    auto table = query::joined_rows(std::exchange(out, {}));
    if (!table)
      return table.failure();
    fetched.push_back(*std::move(table));
  }
  auto table = query::run_plan(plan.rest, fetched, {.pool = &pool});
  if (!table)
    return table.failure();
  query::partial_result last;
  last.chunks.push_back({0, *std::move(table)});
  out.clear();
  if (auto fault = read_into(encode(last), out))
    return fault;
  return out;
}

std::string question_of(const std::string& sql) {
  return text::json_value{{"language", "sql"}, {"text", sql}}.dump();
}

namespace {

error append(const query::column_data& from, uint64_t rows,
             answer_column& into) {
  const auto ref = query::ref_of(from);
  if (query::is_text(from.type)) {
    into.what = answer_column::kind::texts;
    for (uint64_t row = 0; row < rows; ++row)
      into.texts.emplace_back(from.text(row));
  } else if (query::is_float(from.type)) {
    into.what = answer_column::kind::floats;
    for (uint64_t row = 0; row < rows; ++row)
      into.floats.push_back(query::float_at(ref, row));
  } else {
    const auto shift
      = from.type == column_type::timestamp ? ns_1970_to_2000 : 0;
    for (uint64_t row = 0; row < rows; ++row) {
      const auto value = query::integer_at(ref, row);
      if (value == null_long)
        return {errc::unsupported,
                "a null in column '" + from.name + "' of an answer of ours"};
      into.integers.push_back(value + shift);
    }
  }
  return {};
}

} // namespace

result<answer> answer_of(const read_answer& from) {
  answer out;
  for (const auto& part : from)
    for (const auto& chunk : part.chunks) {
      const auto& columns = chunk.table.columns;
      out.columns.resize(columns.size());
      for (size_t i = 0; i < columns.size(); ++i)
        if (auto fault
            = append(columns[i], chunk.table.row_count, out.columns[i]))
          return fault;
      out.row_count += chunk.table.row_count;
    }
  return out;
}

} // namespace millrace::bench
