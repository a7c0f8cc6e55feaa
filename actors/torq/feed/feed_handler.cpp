#include <millrace/actors/torq/feed/feed_handler.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{10};
/// RT answers after its grace for missing publishers; asked again after this.
constexpr auto period_deadline = std::chrono::seconds{60};

} // namespace

void feed_handler_state::step(const feed_course::input& what) {
  const auto done = course.step(what, env->clock->monotonic_ns());
  if (done.publish_slice)
    publish_slice();
  if (done.to_end)
    end_period(*done.to_end);
  if (!done.over)
    return;
  if (!done.fault)
    settings.progress->merged = true;
  if (settings.on_done)
    settings.on_done(done.fault);
}

void feed_handler_state::publish_slice() {
  env->pool->submit([shared = work, me = feed_self_actor{self}] {
    const auto slice = shared->run();
    if (slice.period_over)
      caf::anon_send(me, period_over_atom::value, *slice.period_over);
    else
      caf::anon_send(me, slice_atom::value, slice.at_end, slice.due_ns,
                     to_caf(slice.fault));
  });
}

void feed_handler_state::end_period(period_id period) {
  connect_to<sequencer_actor>(
    self, connector, settings.rt[++asked % settings.rt.size()],
    [this, period](const sequencer_actor& rt) {
      const auto number = ending.begin(self, rt);
      const auto ended = [this, number](const error& fault) {
        if (ending.settle(self, number))
          step(feed_course::period_ended{fault});
      };
      self
        ->request(rt, caf::timespan{period_deadline}, end_period_atom_v, period)
        .then([ended](position) { ended({}); },
              [ended](const caf::error& why) { ended(from_caf(why)); });
    },
    [this](const error& why) { step(feed_course::period_ended{why}); });
}

void feed_handler_state::lost(const caf::actor_addr& who) {
  if (ending.lost(self, who))
    step(feed_course::period_ended{
      {errc::unavailable, to_string(settings.rt[asked % settings.rt.size()])
                            + ": the connection is gone"}});
}

void feed_handler_state::tick() {
  if (const bool full = out->is_disk_full(); full != told_full) {
    told_full = full;
    if (full && settings.on_warning)
      settings.on_warning(
        "disk_full", "the disk of " + out->directory()
                       + " is full: what is read next is not recorded, and "
                         "waits for space");
  }
  // Without RT's word nobody knows where this source was left; a source that
  // is to be published again needs no word.
  if (!heard && out->told())
    settings.progress->connected = heard = true;
  step(feed_course::tick{heard || settings.work.again,
                         out->reached(rt::ack_level::committed)
                           >= out->appended()});
  if (!course.is_over())
    self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

feed_facts feed_handler_state::facts() const {
  feed_facts now;
  now.stream = settings.stream;
  const auto read = settings.progress->rows.load();
  now.rows
    = settings.progress->recorded.up_to(out->reached(rt::ack_level::recorded));
  now.unrecorded = read - std::min(read, now.rows);
  now.batches = settings.progress->batches;
  if (settings.read) {
    now.rejects = settings.read->rejects;
    now.backwards = settings.read->backwards;
  }
  now.finished = course.is_over();
  now.ending = course.ending();
  if (course.last_failure())
    now.last_failure = to_string(course.last_failure());
  else if (out->is_disk_full())
    now.last_failure = "no_space: the disk of " + out->directory() + " is full";
  now.published = out->appended();
  now.merged = out->reached(rt::ack_level::committed);
  return now;
}

status_facts to_status(const feed_facts& facts) {
  status_facts out{{"role", "feed"},
                   {"stream", facts.stream},
                   {"rows", facts.rows},
                   {"unrecorded", facts.unrecorded},
                   {"batches", facts.batches},
                   {"rejected", facts.rejects},
                   {"backwards", facts.backwards},
                   {"finished", facts.finished}};
  if (facts.ending)
    out.add("ending_period", facts.ending->value);
  if (!facts.last_failure.empty())
    out.add("last_failure", facts.last_failure);
  out.add("published", facts.published.value);
  out.add("merged", facts.merged.value);
  return out;
}

feed_self_actor::behavior_type
feed_handler(feed_self_actor::stateful_pointer<feed_handler_state> self,
             persistence::env* world, feed_settings settings,
             std::shared_ptr<rt::publisher> out,
             std::shared_ptr<feed::batch_source> source,
             connector_actor connector) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.out = out;
  state.connector = std::move(connector);
  state.work
    = std::make_shared<feed_work>(*world, std::move(out), std::move(source),
                                  state.settings.progress, state.settings.work);
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down.source); });
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return to_status(self->state.facts()); },
    [self](slice_atom, bool finished, int64_t due_ns, const caf::error& fault) {
      self->state.step(
        feed_course::slice_done{finished, due_ns, {}, from_caf(fault)});
    },
    [self](period_over_atom, period_id period) {
      self->state.step(feed_course::slice_done{.period_over = period});
    },
    own_ticks(self),
  };
}

} // namespace millrace::torq
