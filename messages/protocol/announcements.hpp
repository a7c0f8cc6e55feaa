#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <map>
#include <string>

/// What back ends tell those who watch them, whenever it changes.
namespace millrace {

/// What an HDB serves: a version of the manifest, and up to where it accounts
/// for each table; a table that is not named: nothing yet.
struct hdb_announcement {
  std::string process; ///< Its name in the registry.
  manifest_version manifest;
  std::map<std::string, position> cutovers; ///< By table.
  /// By table, what tells copies that hold the same from others: see
  /// persistence::contents_of.
  std::map<std::string, uint64_t> contents;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hdb_announcement& x) {
  return f(caf::meta::type_name("hdb_announcement"), x.process, x.manifest,
           x.cutovers, x.contents);
}

/// Whether an RDB can be asked, as it tells gateways when that changes.
struct rdb_announcement {
  std::string process; ///< Its name in the registry.
  lineage_id life;     ///< Of the stream that it follows.
  /// It has come to the end that its stream had when it subscribed, and does
  /// not stand still.
  bool ready = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rdb_announcement& x) {
  return f(caf::meta::type_name("rdb_announcement"), x.process, x.life,
           x.ready);
}

} // namespace millrace
