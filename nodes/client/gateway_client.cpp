#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/client/registered_processes.hpp>
#include <millrace/query/execution/partial.hpp>

#include <caf/event_based_actor.hpp>

#include <future>
#include <memory>
#include <optional>

namespace millrace::nodes {

namespace {

struct raw_answer {
  chunks parts;
  query_cut cut;
};

/// Asks once; ends with the answer, the deadline, or the gateway: CAF lets a
/// request to an actor that is lost wait for its deadline.
std::future<result<raw_answer>> ask_once(runtime& host,
                                         const gateway_actor& gateway,
                                         const std::string& parameters,
                                         std::chrono::milliseconds deadline) {
  auto answer = std::make_shared<std::promise<result<raw_answer>>>();
  auto future = answer->get_future();
  const thread_visit visit;
  host.system().spawn([=](caf::event_based_actor* self) {
    self->set_down_handler([self, answer](const caf::down_msg&) {
      answer->set_value(error{errc::closed, "the gateway ended meanwhile"});
      self->quit();
    });
    self->monitor(gateway);
    self->request(gateway, caf::timespan{deadline}, query_atom_v, parameters)
      .then(
        [self, answer](const chunks& parts, const query_cut& cut) {
          answer->set_value(raw_answer{parts, cut});
          self->quit();
        },
        [self, answer](const caf::error& why) {
          answer->set_value(from_caf(why));
          self->quit();
        });
  });
  return future;
}

} // namespace

result<gateway_answer> ask_gateway(runtime& host, const gateway_actor& gateway,
                                   const std::string& parameters,
                                   std::chrono::milliseconds deadline) {
  auto answer = ask_once(host, gateway, parameters, deadline).get();
  if (!answer)
    return answer.failure();
  gateway_answer out;
  out.cut = std::move(answer->cut);
  auto table = query::joined_rows(answer->parts);
  if (!table)
    return table.failure();
  out.table = *std::move(table);
  return out;
}

namespace {

/// Gateways that are registered, those that `spawn` started among them.
result<std::vector<endpoint>>
registered_gateways(runtime& host, const cluster_config& config,
                    std::chrono::milliseconds deadline) {
  const auto rows = registered_processes(
    host, config, std::string{process_type::gateway}, deadline);
  if (!rows)
    return rows.failure();
  std::vector<endpoint> found;
  for (const auto& row : *rows)
    if (row.available)
      found.push_back(row.at);
  return found;
}

} // namespace

result<gateway_actor> find_gateway(runtime& host, const cluster_config& config,
                                   std::chrono::milliseconds deadline) {
  const auto configured = endpoints_of(config, process_type::gateway);
  error last{errc::unavailable, config.path + ": no gateway answers"};
  for (const auto& at : configured) {
    auto found = host.find_as<gateway_actor>(at, deadline);
    if (found)
      return found;
    last = found.failure();
  }
  // One that `spawn` has just started takes a moment to be registered.
  guest self{host.system()};
  const auto until = host.env().clock->monotonic_ns()
                     + std::chrono::nanoseconds{deadline}.count();
  do {
    const auto registered = registered_gateways(host, config, deadline);
    if (!registered && registered.failure().code == errc::config)
      return registered.failure(); // Another cluster's.
    for (const auto& at : registered ? *registered : std::vector<endpoint>{}) {
      auto found = host.find_as<gateway_actor>(at, deadline);
      if (found)
        return found;
      last = found.failure();
    }
    self->receive(caf::after(std::chrono::milliseconds{50}) >> [] {});
  } while (host.env().clock->monotonic_ns() < until);
  return last;
}

} // namespace millrace::nodes
