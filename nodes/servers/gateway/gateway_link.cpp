#include <millrace/messages/protocol/unpack.hpp>
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
  const auto fail = [self, say = what.fail](const caf::error& why) {
    say(from_caf(why));
    self->quit();
  };
  const std::chrono::nanoseconds left{what.deadline_ns
                                      - world->clock->monotonic_ns()};
  self
    ->request(gateway, caf::timespan{left + last_word}, query_atom_v,
              what.parameters)
    .then(
      [self, world, fail, write = what.write,
       until = what.deadline_ns](const bundle& rows, const query_cut& cut) {
        unpack(
          self, rows,
          [world, until] {
            return caf::timespan{
                     std::max<int64_t>(until - world->clock->monotonic_ns(), 1)}
                   + caf::timespan{last_word};
          },
          [self, world, write, cut](chunks all) {
            world->pool->submit(
              [write, cut, all = std::move(all)] { write(all, cut); });
            self->quit();
          },
          fail);
      },
      fail);
}

} // namespace millrace::nodes
