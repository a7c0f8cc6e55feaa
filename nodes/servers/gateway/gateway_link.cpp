#include <millrace/nodes/servers/gateway/gateway_link.hpp>

namespace millrace::nodes {

namespace {

/// The gateway keeps the deadline too, and says what it waited for.
constexpr std::chrono::seconds last_word{1};

} // namespace

void run_errand(caf::event_based_actor* self, persistence::env* world,
                const gateway_actor& gateway, const gateway_errand& what) {
  self->set_down_handler([self, fail = what.fail](const caf::down_msg&) {
    fail({errc::closed, "the gateway ended meanwhile"});
    self->quit();
  });
  self->monitor(gateway);
  const std::chrono::nanoseconds left{what.deadline_ns
                                      - world->clock->monotonic_ns()};
  self
    ->request(gateway, caf::timespan{left + last_word}, query_atom_v,
              what.parameters)
    .then(
      [self, world, write = what.write](const chunks& rows,
                                        const query_cut& cut) {
        world->pool->submit([write, rows, cut] { write(rows, cut); });
        self->quit();
      },
      [self, fail = what.fail](const caf::error& why) {
        fail(from_caf(why));
        self->quit();
      });
}

} // namespace millrace::nodes
