#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/nodes/assembly/process_keeper.hpp>

#include <algorithm>
#include <vector>

namespace millrace::nodes {

bool is_fault_of_part(const caf::error& reason) {
  return reason && reason != caf::exit_reason::user_shutdown
         && reason != caf::exit_reason::kill;
}

void process_keeper_state::keep(const std::string& process,
                                const caf::strong_actor_ptr& actor,
                                bool is_part) {
  running[caf::actor_cast<caf::actor_addr>(actor)] = {process, is_part};
  if (!is_part)
    endings.came(process, host->env().clock->monotonic_ns());
  self->monitor(actor);
}

bool process_keeper_state::lives(const std::string& process) const {
  return std::any_of(running.begin(), running.end(), [&](const auto& item) {
    return item.second.process == process && !item.second.is_part;
  });
}

bool process_keeper_state::has_parts(const std::string& process) const {
  return std::any_of(running.begin(), running.end(), [&](const auto& item) {
    return item.second.process == process && item.second.is_part;
  });
}

caf::result<std::string>
process_keeper_state::stop(const std::string& process) {
  const bool was_away
    = endings.all().contains(process) && endings.all().at(process).is_away;
  endings.forget(process);
  const auto runs = lives(process);
  if (!runs && !was_away)
    return to_caf({errc::not_found, "process '" + process
                                      + "' does not run on node '"
                                      + assembly->node() + "'"});
  host->tell(
    {notice::severity::info, "node", process, "stopped", "told to end"});
  if (!runs)
    return process;
  auto promise = self->make_response_promise<std::string>();
  stopping[process] = promise;
  assembly->end(process);
  return promise;
}

caf::result<table_intake>
process_keeper_state::take_table(const std::string& process,
                                 const text::json_value& declaration) {
  const auto what = table_declaration_of(declaration);
  if (!what)
    return to_caf(what.failure());
  const auto declared = assembly->declare(*what);
  if (!declared)
    return to_caf(declared.failure());
  const auto& path = host->config().path;
  if (process.empty())
    return table_intake{declared->was_there ? table_outcome::known
                                            : table_outcome::declared,
                        path};
  auto errand = assembly->errand(process, declared->name);
  if (!errand && errand.failure().code == errc::not_found)
    return table_intake{table_outcome::down, path};
  if (!errand)
    return to_caf(errand.failure());
  if (!errand->to)
    return table_intake{table_outcome::unconcerned, path};
  auto promise = self->make_response_promise<table_intake>();
  const auto number = ++errand_last;
  errands.emplace(number,
                  table_errand{process, errand->to->address(), promise});
  self
    ->request(caf::actor_cast<table_taker_actor>(errand->to), caf::infinite,
              take_table_atom_v, errand->what)
    .then(
      [this, number](const table_intake& said) {
        table_answered(number, {}, said.outcome);
      },
      [this, number](const caf::error& why) {
        table_answered(number, from_caf(why), table_outcome::down);
      });
  return promise;
}

void process_keeper_state::table_answered(uint64_t number, const error& fault,
                                          table_outcome said) {
  auto found = errands.extract(number);
  if (!found)
    return;
  auto& what = found.mapped();
  if (fault) {
    what.promise.deliver(to_caf(fault));
    return;
  }
  // One that reads again registers itself when it is back.
  if (said != table_outcome::reads_again)
    assembly->taken(what.process);
  what.promise.deliver(table_intake{said, host->config().path});
}

/// A process ends with the first of its actors, or with a part that ends by a
/// fault, and is started again when the last is gone: what they hold is free
/// then.
void process_keeper_state::lost(const caf::down_msg& down) {
  std::vector<uint64_t> unanswered;
  for (const auto& [number, what] : errands)
    if (what.to == down.source)
      unanswered.push_back(number);
  for (const auto number : unanswered)
    table_answered(number,
                   {errc::closed, "the process ended before it answered; its "
                                  "next life knows the table"},
                   table_outcome::down);
  auto found = running.extract(down.source);
  if (!found)
    return;
  const auto [process, is_part] = std::move(found.mapped());
  if (is_part && !ending.contains(process)
      && (stopping.contains(process) || !is_fault_of_part(down.reason)))
    return;
  end_for(process, down.reason);
}

void process_keeper_state::end_for(const std::string& process,
                                   const caf::error& reason) {
  const bool asked = stopping.contains(process);
  // Its host ends.
  if (!asked && !ending.contains(process)
      && reason == caf::exit_reason::user_shutdown)
    return;
  const auto [why, first] = ending.try_emplace(
    process, reason ? from_caf(reason)
                    : error{errc::closed, "it ended without a fault"});
  if (lives(process)) {
    if (first && !asked)
      assembly->abandon(process);
    return;
  }
  assembly->forget(process);
  if (has_parts(process))
    return; // They end by that.
  const auto cause = std::move(ending.extract(why).mapped());
  if (auto promise = stopping.extract(process))
    promise.mapped().deliver(process);
  else
    retry(process, cause);
}

void process_keeper_state::retry(const std::string& process, const error& why) {
  auto& clock = *host->env().clock;
  const auto wait_ns = endings.ended(process, to_string(why), clock.now_ns(),
                                     clock.monotonic_ns());
  host->tell({notice::severity::error, "node", process, "ended",
              to_string(why) + "; it is started again in "
                + std::to_string(wait_ns / 1'000'000) + " ms"});
  self->delayed_send(self, caf::timespan{wait_ns}, again_atom::value, process);
}

void process_keeper_state::start_again(const std::string& process) {
  const auto known = endings.all().find(process);
  if (known == endings.all().end() || !known->second.is_away)
    return; // Stopped, or started by hand.
  const auto fault = assembly->start(process);
  if (fault && fault.code != errc::closed && fault.code != errc::already_exists)
    retry(process, fault);
}

status_facts process_keeper_state::status() const {
  status_facts out{{"role", "process-keeper"}};
  auto& processes = out.add("endings", text::json_value::object());
  const auto log
    = host->config().node_directory(assembly->node()) + "/node.log";
  for (const auto& [process, what] : endings.all()) {
    auto& row = processes.add(process, text::json_value::object());
    row.add("ended", what.count);
    row.add("last_ended", text::time_text(what.last_at_ns));
    row.add("ended_by", what.why);
    if (what.is_away)
      row.add("down", "ended, to be started again");
    row.add("log", log);
  }
  return out;
}

process_keeper_actor::behavior_type process_keeper(
  process_keeper_actor::stateful_pointer<process_keeper_state> self,
  process_host* host, std::shared_ptr<node_assembly> assembly) {
  self->state.host = host;
  self->state.assembly = std::move(assembly);
  self->set_down_handler(
    [self](const caf::down_msg& down) { self->state.lost(down); });
  return {
    [self](status_atom) { return self->state.status(); },
    [self](keep_atom, const std::string& process,
           const caf::strong_actor_ptr& actor,
           bool is_part) { self->state.keep(process, actor, is_part); },
    [self](stop_atom, const std::string& process) {
      return self->state.stop(process);
    },
    [self](take_table_atom, const std::string& process,
           const text::json_value& declaration) {
      return self->state.take_table(process, declaration);
    },
    [self](again_atom, const std::string& process) {
      self->state.start_again(process);
    },
  };
}

} // namespace millrace::nodes
