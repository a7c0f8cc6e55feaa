#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/load_queries.hpp>
#include <millrace/nodes/assembly/needed_files.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/nodes/assembly/port_tls.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <set>

namespace millrace::nodes {

namespace {

/// Ends a process by the fault of its part.
void end_with(const caf::strong_actor_ptr& part,
              const caf::strong_actor_ptr& process) {
  caf::actor_cast<caf::abstract_actor*>(part)->attach_functor(
    [to = caf::actor_cast<caf::actor_addr>(process)](const caf::error& reason) {
      if (auto whole = caf::actor_cast<caf::actor>(to);
          whole && is_fault_of_part(reason))
        caf::anon_send(whole, caf::exit_msg{whole.address(), reason});
    });
}

} // namespace

node_assembly::node_assembly(process_host& host, std::string node,
                             role_table roles)
  : host_{host}, node_{std::move(node)}, roles_{std::move(roles)} {}

front_door_actor
node_assembly::open_door(std::function<status_facts()> of_node) {
  auto keeper = host_.spawn(process_keeper, &host_, shared_from_this());
  host_.put(std::string{process_keeper_name}, keeper);
  {
    const std::scoped_lock state{mutex_};
    keeper_ = keeper;
  }
  auto door = host_.spawn(
    front_door, host_.cluster(), host_.config().data_directory, node_,
    host_.locals(),
    [me = shared_from_this()](const std::string& process) {
      return me->start(process);
    },
    keeper, std::move(of_node));
  host_.put(std::string{front_door_name}, door);
  return door;
}

error node_assembly::start_all() {
  const auto& config = host_.config();
  const auto types = roles_.types();
  auto mine = config.node(node_)->processes;
  if (auto fault = check_databases(*host_.env().fs, config, mine))
    return fault;
  if (auto fault = check_tables(*host_.env().fs, config, mine))
    return fault;
  std::vector<std::string> told; // Each port tells of it when it starts.
  if (auto fault
      = check_ports(*host_.env().fs, *host_.env().clock, config, mine, told))
    return fault;
  if (const auto queries = load_queries(*host_.env().fs, config); !queries)
    return queries.failure();
  const auto turn = [&](const std::string& process) {
    return std::find(types.begin(), types.end(), config.process(process)->type);
  };
  std::stable_sort(mine.begin(), mine.end(), [&](const auto& a, const auto& b) {
    return turn(a) < turn(b);
  });
  for (const auto& process : mine)
    if (auto fault = start(process))
      return fault;
  return {};
}

error node_assembly::start(const std::string& process) {
  const std::scoped_lock lock{starting_};
  {
    const std::scoped_lock state{mutex_};
    if (closed_)
      return ending();
  }
  const auto& config = host_.config();
  const auto configured = configured_process(config, process);
  if (!configured)
    return configured.failure();
  const auto* what = *configured;
  if (host_.locals()->find(process))
    return {errc::already_exists,
            "process '" + process + "' runs on node '" + node_ + "'"};
  const auto* factory = roles_.find(what->type);
  if (factory == nullptr)
    return {errc::config, config.path + ":" + std::to_string(what->type_line)
                            + ":process.type: process '" + process
                            + "': this program knows no type '" + what->type
                            + "', only " + text::joined(roles_.types())};
  if (auto fault = check_databases(*host_.env().fs, config, {process}))
    return fault; // Of what is spawned nobody has looked before.
  auto made = make(*factory, *what);
  if (!made)
    return made.failure();
  return serve(*what, *made);
}

/// Its parts are all that it started, whether the factory says so or not.
result<hosted_process> node_assembly::make(const process_factory& factory,
                                           const process_config& what) {
  const process_host::gathering started;
  const auto who = "process '" + what.name + "': its type '" + what.type + "'";
  result<hosted_process> made = error{errc::internal, who + " has no factory"};
  if (factory)
    made = caught(who + " threw as it started",
                  [&] { return factory(host_, what); });
  if (made && !made->actor)
    made = error{errc::internal, who + " started no actor"};
  if (!made) {
    for (const auto& each : started.all())
      caf::anon_send_exit(each, caf::exit_reason::kill);
    return made;
  }
  std::set<caf::strong_actor_ptr> known{made->parts.begin(), made->parts.end()};
  known.insert(made->actor);
  for (const auto& stream : made->streams)
    known.insert(caf::actor_cast<caf::strong_actor_ptr>(stream));
  for (const auto& each : started.all())
    if (known.insert(each).second)
      made->parts.push_back(each);
  return made;
}

error node_assembly::ending() const {
  return {errc::closed, "node '" + node_ + "' is ending"};
}

error node_assembly::serve(const process_config& process,
                           const hosted_process& made) {
  process_keeper_actor keeper;
  {
    const std::scoped_lock state{mutex_};
    if (closed_) {
      for (const auto& stream : made.streams)
        caf::anon_send(stream, stop_atom_v);
      return ending();
    }
    hosted_[process.name] = made;
    keeper = keeper_;
  }
  std::set<caf::strong_actor_ptr> all{made.actor};
  for (const auto& stream : made.streams)
    all.insert(caf::actor_cast<caf::strong_actor_ptr>(stream));
  for (const auto& each : all)
    if (keeper)
      caf::anon_send(keeper, keep_atom::value, process.name, each, false);
    else
      host_.essential(process.name, caf::actor_cast<caf::actor>(each));
  for (const auto& each : made.parts)
    if (keeper)
      caf::anon_send(keeper, keep_atom::value, process.name, each, true);
    else
      end_with(each, made.actor);
  host_.put(process.name, made.actor);
  enroll(process, made.attributes);
  host_.tell({notice::severity::info, process.type, process.name, "started",
              "serves on node " + node_});
  return {};
}

void node_assembly::enroll(const process_config& process,
                           text::json_value attributes) {
  const auto& config = host_.config();
  process_row row;
  row.name = process.name;
  row.type = process.type;
  row.node = node_;
  const auto& mine = *config.node(node_);
  row.at = {config.address_of(mine), mine.port, process.name, config.name};
  row.attributes = std::move(attributes);
  caf::anon_send(host_.registrar(), register_atom_v, std::move(row));
}

result<declared_table> node_assembly::declare(const table_declaration& what) {
  // One at a time, and none while a process starts with what there was.
  const std::scoped_lock lock{starting_};
  auto made = declare_table(host_.config(), what);
  if (made && !made->was_there)
    host_.set_config(made->config);
  return made;
}

result<node_assembly::table_errand>
node_assembly::errand(const std::string& process, const std::string& table) {
  const auto& config = host_.config();
  const auto configured = configured_process(config, process);
  if (!configured)
    return configured.failure();
  table_errand out;
  {
    const std::scoped_lock state{mutex_};
    const auto found = hosted_.find(process);
    if (found == hosted_.end())
      return error{errc::not_found, "process '" + process
                                      + "' does not run on node '" + node_
                                      + "'"};
    out.to = found->second.actor;
  }
  auto news = news_for(config, *config.table(table), **configured);
  if (!news) {
    out.to = nullptr;
    return out;
  }
  out.what = *std::move(news);
  if (out.what.is_held) {
    auto alone = **configured;
    alone.tables = {table};
    auto settled = settle_tables(host_.env(), config, alone);
    if (!settled)
      return settled.failure();
    out.what.schema = settled->tables.front();
    for (auto& each : settled->rebuilt)
      host_.tell({notice::severity::warning, "rdb", process, "rebuilt",
                  std::move(each)});
  }
  return out;
}

void node_assembly::taken(const std::string& process) {
  const auto& config = host_.config();
  const auto* what = config.process(process);
  if (what == nullptr)
    return;
  if (what->type == process_type::rdb)
    enroll(*what, rdb_attributes(config, *what));
  else if (what->type == process_type::hdb)
    enroll(*what, hdb_attributes(config, *what));
  else if (!what->published.empty())
    enroll(*what, port_attributes(config, *what));
}

std::vector<sequencer_actor> node_assembly::close() {
  const std::scoped_lock state{mutex_};
  closed_ = true;
  std::vector<sequencer_actor> streams;
  for (auto& [process, hosted] : std::exchange(hosted_, {}))
    streams.insert(streams.end(), hosted.streams.begin(), hosted.streams.end());
  return streams;
}

void node_assembly::end(const std::string& process) {
  const std::scoped_lock state{mutex_};
  const auto found = hosted_.find(process);
  if (found == hosted_.end())
    return;
  const auto& hosted = found->second;
  for (const auto& stream : hosted.streams)
    caf::anon_send(stream, stop_atom_v);
  if (hosted.streams.empty())
    caf::anon_send_exit(hosted.actor, caf::exit_reason::user_shutdown);
}

void node_assembly::abandon(const std::string& process) {
  const std::scoped_lock state{mutex_};
  const auto found = hosted_.find(process);
  if (found == hosted_.end())
    return;
  for (const auto& stream : found->second.streams)
    caf::anon_send_exit(stream, caf::exit_reason::kill);
  caf::anon_send_exit(found->second.actor, caf::exit_reason::kill);
}

void node_assembly::forget(const std::string& process) {
  {
    const std::scoped_lock state{mutex_};
    const auto found = hosted_.extract(process);
    if (!found || closed_)
      return;
    for (const auto& part : found.mapped().parts)
      caf::anon_send_exit(part, caf::exit_reason::kill);
    for (const auto& name : found.mapped().names)
      host_.locals()->remove(name);
  }
  host_.locals()->remove(process);
  caf::anon_send(host_.registrar(), caf::leave_atom_v, process);
}

} // namespace millrace::nodes
