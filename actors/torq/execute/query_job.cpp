#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/execution/join_execution.hpp>

#include <algorithm>
#include <optional>

namespace millrace::torq {

namespace {

/// Pool workers that one query may hold at a time, each with groups of its own.
constexpr size_t workers_max = 8;
/// About so many rows a worker looks at before it lets others have a turn: some
/// milliseconds.
constexpr uint64_t rows_per_turn = 256u << 10;
/// So many segments that are all in memory are looked at in less time than
/// another thread takes to wake up.
constexpr size_t brief_segments_max = 64;
/// And so many rows of them.
constexpr uint64_t brief_rows_max = 4096;
constexpr size_t message_bytes = 256u << 10;

} // namespace

void add_missing(std::vector<std::string>& lines,
                 const std::vector<std::string>& more) {
  for (const auto& each : more)
    if (std::find(lines.begin(), lines.end(), each) == lines.end())
      lines.push_back(each);
}

std::shared_ptr<query::memory_account>
query_memory::account(const std::string& subject, std::string key) const {
  query::memory_account::limits limits{.most = each_max,
                                       .process = all ? all->process() : "",
                                       .key = std::move(key),
                                       .of_node = all};
  return std::make_shared<query::memory_account>(std::move(limits), subject);
}

void query_memory::add_to(status_facts& facts) const {
  if (!all)
    return;
  auto& told = facts.add("queries_memory", text::json_value::object());
  told.add("bytes", all->held());
  if (all->most() != 0)
    told.add("bytes_max", all->most());
}

/// What the pool's workers share; outlives the actor when that dies early.
struct query_job_state::shared_run {
  shared_run(query_work given, persistence::env& world)
    : work{std::move(given)}, pool{*world.pool, weight_of(work.plan.priority)},
      clock{world.clock}, began_ns{clock->monotonic_ns()} {
    told.process = work.process;
    told.table = work.plan.table;
  }

  query_work work;
  persistence::share_of_executor pool; ///< All that the query does there.
  size_t morsels_per_turn = 1;
  std::optional<query::execution> execution;
  std::optional<query::join_execution> joined; ///< Instead, of two tables.
  std::atomic<size_t> next{0};
  std::atomic<size_t> active{0};
  persistence::clock_source* clock;
  int64_t began_ns;
  query::node_statistics told; ///< But for the time of morsels.
  std::atomic<int64_t> scan_ns{0};

  /// Whether the plan is bound at once: no file is looked at.
  [[nodiscard]] bool binds_briefly() const {
    size_t segments = 0;
    for (const auto& part : work.parts) {
      segments += part.segments.size();
      for (const auto& segment : part.segments)
        if (segment.source)
          return false;
    }
    return !work.plan.joined && segments <= brief_segments_max;
  }

  /// Binds the plan, which may look at files, and hands its morsels out: to the
  /// pool, and to this thread when it is one of the pool's. A few rows that are
  /// in memory, or none, any thread may look into.
  static void begin(const std::shared_ptr<shared_run>& self,
                    persistence::env& world, const query_job_actor& owner,
                    bool in_pool) {
    if (self->pool.given_up())
      return;
    const auto& given = self->work;
    const query::execution_options options{.stop
                                           = {.cancel = &self->pool.given_up(),
                                              .clock = world.clock,
                                              .deadline_ns = given.deadline_ns,
                                              .memory = given.memory.get()},
                                           .process = given.process,
                                           .pool = &self->pool};
    const auto before_ns = world.clock->monotonic_ns();
    auto fault = caught("a query on table '" + given.plan.table + "'", [&] {
      auto& work = self->work;
      if (work.plan.joined)
        self->joined.emplace(std::move(work.plan), std::move(work.parts),
                             std::move(work.right_parts), work.is_live,
                             options);
      else
        self->execution.emplace(std::move(work.plan), std::move(work.parts),
                                options);
      return error{};
    });
    self->told.bind_ns = world.clock->monotonic_ns() - before_ns;
    if (fault)
      return answer(owner, fault);
    const auto workers = std::clamp<size_t>(
      self->morsel_count(), 1, std::min(workers_max, self->pool.width()));
    self->active = workers;
    self->morsels_per_turn = self->turn_of_morsels();
    const bool here = in_pool || self->is_brief();
    for (size_t i = here ? 1 : 0; i < workers; ++i)
      self->pool.submit([self, owner] { run(self, owner); });
    if (here)
      run(self, owner);
  }

  static void answer(const query_job_actor& owner, const error& fault) {
    caf::anon_send(owner, job_atom::value, chunks{}, to_caf(fault));
  }

  /// @pre binds_briefly()
  [[nodiscard]] bool is_brief() const {
    return morsel_count() <= 1 && execution->rows_to_read() <= brief_rows_max;
  }

  [[nodiscard]] size_t morsel_count() const {
    return joined ? joined->morsel_count() : execution->morsel_count();
  }

  /// Small ones are as many as make a turn worth while.
  [[nodiscard]] size_t turn_of_morsels() const {
    if (joined)
      return 1;
    const auto rows
      = execution->rows_to_read() / std::max<size_t>(morsel_count(), 1);
    return std::max<uint64_t>(rows_per_turn / std::max<uint64_t>(rows, 1), 1);
  }

  /// Takes morsels, some per turn, until none is left; the last worker to leave
  /// finishes.
  static void run(const std::shared_ptr<shared_run>& self,
                  const query_job_actor& owner) {
    const auto count = self->morsel_count();
    const auto before_ns = self->clock->monotonic_ns();
    bool is_over = false;
    for (size_t done = 0; done < self->morsels_per_turn && !is_over; ++done) {
      const auto i = self->next++;
      is_over = i >= count || self->pool.given_up();
      if (!is_over)
        self->joined ? self->joined->run(i) : self->execution->run(i);
    }
    self->scan_ns += self->clock->monotonic_ns() - before_ns;
    if (is_over)
      return self->leave(owner);
    self->pool.submit([self, owner] { run(self, owner); });
  }

  void tell(query::partial_result& partial, int64_t finish_began_ns) {
    partial.statistics.parts_total += work.parts_left_out;
    told.read = partial.statistics;
    told.scan_ns = scan_ns;
    const auto now = clock->monotonic_ns();
    told.finish_ns = now - finish_began_ns;
    told.elapsed_ns = now - began_ns;
    if (work.memory)
      told.memory_bytes = work.memory->most_held();
    partial.nodes.push_back(told);
  }

  void leave(const query_job_actor& owner) {
    if (--active != 0)
      return;
    chunks out;
    auto fault = caught("the answer to a query", [&]() -> error {
      const auto before_ns = clock->monotonic_ns();
      auto partial = joined ? joined->finish() : execution->finish();
      if (!partial)
        return partial.failure();
      // Nothing of it is held beside its result.
      joined.reset();
      execution.reset();
      query::held_memory rows{work.memory.get()};
      if (auto refused = rows.set(partial->byte_count()))
        return refused;
      query::held_memory messages{work.memory.get()};
      if (auto refused = messages.set(partial->byte_count()))
        return refused;
      tell(*partial, before_ns);
      out = encode(*partial, message_bytes, {.cancel = &pool.given_up()});
      // Until they are given, which others do.
      messages.keep();
      return {};
    });
    if (fault)
      answer(owner, fault);
    else
      caf::anon_send(owner, job_atom::value, std::move(out), caf::error{});
  }
};

caf::result<chunks> query_job_state::start() {
  auto promise = owed.owe(self);
  if (run->binds_briefly())
    shared_run::begin(run, *env, query_job_actor{self}, false);
  else
    run->pool.submit([shared = run, me = query_job_actor{self}, world = env] {
      shared_run::begin(shared, *world, me, true);
    });
  return promise;
}

void query_job_state::done(const chunks& partial, const caf::error& fault) {
  if (fault)
    owed.give(fault);
  else
    owed.give(partial);
  self->quit();
}

query_job_actor::behavior_type
query_job(query_job_actor::stateful_pointer<query_job_state> self,
          persistence::env* world, std::shared_ptr<query_work> work) {
  auto& state = self->state;
  state.env = world;
  if (work->asker) {
    self->set_down_handler(
      [self](const caf::down_msg& down) { self->quit(down.reason); });
    self->monitor(work->asker);
  }
  state.run
    = std::make_shared<query_job_state::shared_run>(std::move(*work), *world);
  // A job that ends early stops its workers.
  self->attach_functor([shared = state.run] { shared->pool.give_up(); });
  return {
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const chunks& partial, const caf::error& fault) {
      self->state.done(partial, fault);
    },
  };
}

} // namespace millrace::torq
