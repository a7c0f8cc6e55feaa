#include <millrace/nodes/client/answer_sink_internal.hpp>

#include <caf/actor_cast.hpp>

#include <memory>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr flow_id only_flow{1};

} // namespace

caf::behavior answer_sink(caf::event_based_actor* self,
                          const gateway_actor& gateway,
                          const std::string& parameters,
                          std::chrono::milliseconds deadline,
                          std::function<void(answer_event)> to) {
  auto source = std::make_shared<result_source_actor>();
  auto over = [self, to](answer_event how) {
    to(std::move(how));
    self->quit();
  };
  self->set_down_handler([over, source](const caf::down_msg& down) {
    // Its end may come before its last word, which is on the way.
    const bool said_all
      = !down.reason || down.reason == caf::exit_reason::normal;
    if (*source && down.source == source->address() && said_all)
      return;
    over(error{errc::closed, "the gateway ended meanwhile"});
  });
  self->monitor(gateway);
  self
    ->request(gateway, caf::timespan{deadline}, query_atom_v, parameters,
              only_flow, caf::actor_cast<result_sink_actor>(self))
    .then(
      [self, to, source](const result_source_actor& from,
                         const query_cut& cut) {
        *source = from;
        self->monitor(from);
        to(cut);
        self->send(from, ack_atom_v, byte_number{});
      },
      [over](const caf::error& why) { over(from_caf(why)); });
  return {
    [to](chunk_atom, flow_id, const chunk& piece) { to(piece); },
    [over](finished_atom, flow_id, const caf::error& fault) {
      over(fault ? answer_event{from_caf(fault)} : answer_is_over{});
    },
    [self, source](ack_atom, byte_number bytes) {
      self->send(*source, ack_atom_v, bytes);
    },
  };
}

} // namespace millrace::nodes
