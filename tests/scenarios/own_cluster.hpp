#pragma once

#include <millrace/messages/data/table_batch.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/tests/support/paths.hpp>

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace millrace::sim {

inline const std::string own_cluster
  = test_support::source_path("examples/failure_test/cluster.toml");

struct vwap_state {
  vwap_state() = default;
  double turnover = 0;
  double size = 0;
};

inline caf::behavior vwap_actor(caf::stateful_actor<vwap_state>* self) {
  return {
    [=](const chunk& bytes) {
      const auto batch = decode_batch(bytes.bytes());
      for (uint32_t row = 0; batch && row < batch->row_count; ++row) {
        const auto price = batch->column("price")->as<double>()[row];
        const auto size = batch->column("size")->as<int32_t>()[row];
        self->state.turnover += price * size;
        self->state.size += size;
      }
    },
    [=](status_atom) {
      return status_facts{{"vwap", self->state.turnover / self->state.size}};
    },
  };
}

/// A process type: as `nodes::role_table::add` takes it on a real node.
inline result<nodes::hosted_process> vwap(nodes::process_host& host,
                                          const nodes::process_config&) {
  auto me = host.spawn(vwap_actor);
  rt::subscription_handlers on;
  on.on_message = [me](const rt::message& message, position) {
    caf::anon_send(me, chunk::copy_of(message.payload));
  };
  if (auto heard = host.subscribe("market", on); !heard)
    return heard.failure();
  return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
}

/// The failures of a run that is meant to fail.
inline std::vector<std::string> caught;
inline void catch_failure(const world&, const std::string& what) {
  caught.push_back(what);
}

/// Whether one of them has this in it.
inline bool has_text(const std::vector<std::string>& all,
                     const std::string& part) {
  return std::any_of(all.begin(), all.end(), [&](const auto& each) {
    return each.find(part) != std::string::npos;
  });
}

class OwnCluster : public ::testing::Test {
protected:
  void expect_failures() {
    caught.clear();
    world::report_failures_to(catch_failure);
  }
  void TearDown() override { world::report_failures_to(gtest_glue::report); }
};

} // namespace millrace::sim
