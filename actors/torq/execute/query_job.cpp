#include <millrace/actors/torq/execute/query_job.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// Pool workers that one query may hold at a time.
constexpr size_t workers_max = 8;
constexpr size_t message_bytes = 256u << 10;

} // namespace

chunks to_chunks(std::vector<std::vector<std::byte>> messages) {
  chunks out;
  out.reserve(messages.size());
  for (auto& message : messages) {
    out.push_back(chunk::copy_of(message));
    message = {};
  }
  return out;
}

/// What the pool's workers share; outlives the actor when that dies early.
struct query_job_state::shared_run {
  shared_run(persistence::env& world, query_work work)
    : cancelled{false}, execution{std::move(work.plan),
                                  std::move(work.parts),
                                  {.stop = {.cancel = &cancelled,
                                            .clock = world.clock,
                                            .deadline_ns = work.deadline_ns},
                                   .memory_max = work.memory_max,
                                   .process = work.process}} {}

  std::atomic<bool> cancelled;
  query::execution execution;
  std::atomic<size_t> next{0};
  std::atomic<size_t> active{0};

  /// Takes morsels until none is left; the last worker to leave finishes.
  void work(const query_job_actor& owner) {
    const auto count = execution.morsel_count();
    for (auto i = next++; i < count; i = next++)
      execution.run(i);
    if (--active != 0)
      return;
    auto partial = execution.finish();
    if (partial)
      caf::anon_send(
        owner, job_atom_v,
        to_chunks(encode(*partial, message_bytes, {.cancel = &cancelled})),
        caf::error{});
    else
      caf::anon_send(owner, job_atom_v, chunks{}, to_caf(partial.failure()));
  }
};

caf::result<chunks> query_job_state::start() {
  promise = self->make_response_promise<chunks>();
  const auto workers
    = std::clamp<size_t>(run->execution.morsel_count(), 1, workers_max);
  run->active = workers;
  for (size_t i = 0; i < workers; ++i)
    env->pool->submit(
      [shared = run, me = query_job_actor{self}] { shared->work(me); });
  return promise;
}

void query_job_state::done(const chunks& partial, const caf::error& fault) {
  if (fault)
    promise.deliver(fault);
  else
    promise.deliver(partial);
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
    = std::make_shared<query_job_state::shared_run>(*world, std::move(*work));
  // A job that ends early stops its workers.
  self->attach_functor([shared = state.run] { shared->cancelled = true; });
  return {
    [self](start_atom) { return self->state.start(); },
    [self](job_atom, const chunks& partial, const caf::error& fault) {
      self->state.done(partial, fault);
    },
  };
}

} // namespace millrace::torq
