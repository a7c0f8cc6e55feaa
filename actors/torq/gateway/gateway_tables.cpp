#include <millrace/actors/torq/gateway/gateway.hpp>

// Tables that come while the gateway runs.

namespace millrace::torq {

gateway_settings::table gateway_table(const table_news& news) {
  gateway_settings::table out;
  out.schema = news.schema;
  out.home = {news.stream, news.schema.name, news.directory};
  out.in_rdb = news.in_rdb;
  out.in_hdb = news.in_hdb;
  out.rdb_hint = news.rdb_hint;
  out.hdb_hint = news.hdb_hint;
  out.warning = news.warning;
  return out;
}

caf::result<table_intake> gateway_state::take_table(const table_news& news) {
  const auto& name_of_it = news.schema.name;
  if (const auto known = settings.tables.find(name_of_it);
      known != settings.tables.end()) {
    if (known->second.schema == news.schema)
      return table_intake{table_outcome::known, {}};
    return to_caf(
      {errc::already_exists,
       settings.process + ": knows another table '" + name_of_it + "'"});
  }
  if (!streams.contains(news.stream))
    return to_caf({errc::not_found, settings.process + ": knows no stream '"
                                      + news.stream + "'"});
  auto& table = settings.tables[name_of_it];
  table = gateway_table(news);
  // Its back ends tell of it by way of discovery.
  table.since_ns = env->clock->monotonic_ns();
  if (settings.on_note)
    settings.on_note("table_taken",
                     "questions about table '" + name_of_it + "' are taken");
  return table_intake{};
}

} // namespace millrace::torq
