#include <millrace/bench/rdb_probe.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/assembly/roles.hpp>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

result<uint64_t> rows_of(nodes::guest& self, const rdb_actor& rdb) {
  result<uint64_t> out{uint64_t{0}};
  self->request(rdb, caf::timespan{10s}, facts_atom_v)
    .receive([&](const rdb_facts& facts) { out = facts.rows.at("trade"); },
             [&](const caf::error& fault) { out = from_caf(fault); });
  return out;
}

} // namespace

result<rdb_actor> start_rdb(nodes::runtime& host) {
  nodes::process_config process;
  process.name = "rdb";
  process.type = nodes::process_type::rdb;
  process.tables = {"trade"};
  process.write_down = false;
  auto made = nodes::start_rdb(host, process);
  if (!made)
    return made.failure();
  return caf::actor_cast<rdb_actor>(made->actor);
}

error wait_for_rows(nodes::runtime& host, const rdb_actor& rdb, uint64_t rows) {
  nodes::guest self{host.system()};
  for (;;) {
    auto seen = rows_of(self, rdb);
    if (!seen)
      return seen.failure();
    if (*seen == rows)
      return {};
    // Asking takes from what is measured.
    self.pause(1ms);
  }
}

void end_rdb(nodes::runtime& host, rdb_actor rdb) {
  caf::scoped_actor self{host.system()};
  caf::anon_send_exit(rdb, caf::exit_reason::user_shutdown);
  self->wait_for(rdb);
}

} // namespace millrace::bench
