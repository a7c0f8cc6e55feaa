#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/bench/rdb_probe.hpp>
#include <millrace/feed/generate/generator.hpp>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

result<uint64_t> rows_of(caf::scoped_actor& self, const rdb_actor& rdb) {
  result<uint64_t> out{uint64_t{0}};
  self->request(rdb, caf::timespan{10s}, facts_atom_v)
    .receive([&](const rdb_facts& facts) { out = facts.rows.at("trade"); },
             [&](const caf::error& fault) { out = from_caf(fault); });
  return out;
}

} // namespace

rdb_actor spawn_rdb(nodes::runtime& host, const endpoint& rt) {
  torq::rdb_settings settings;
  settings.process = "rdb";
  settings.stream = "bench";
  settings.tables = {feed::generated_trade_schema()};
  settings.write_down = false;
  settings.rt = rt;
  return host.system().spawn(torq::rdb, &host.env(), std::move(settings),
                             host.connector(), registrar_actor{});
}

error wait_for_rows(nodes::runtime& host, const rdb_actor& rdb, uint64_t rows) {
  caf::scoped_actor self{host.system()};
  for (;;) {
    auto seen = rows_of(self, rdb);
    if (!seen)
      return seen.failure();
    if (*seen == rows)
      return {};
    // Asking takes from what is measured.
    self->receive(caf::after(1ms) >> [] {});
  }
}

void end_rdb(nodes::runtime& host, rdb_actor rdb) {
  caf::scoped_actor self{host.system()};
  caf::anon_send_exit(rdb, caf::exit_reason::user_shutdown);
  self->wait_for(rdb);
}

} // namespace millrace::bench
