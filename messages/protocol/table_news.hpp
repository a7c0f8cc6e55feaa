#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <string>

namespace millrace {

using take_table_atom = caf::atom_constant<caf::atom("taketable")>;
inline constexpr auto take_table_atom_v = take_table_atom::value;

/// One more table of a running cluster, as each process of it needs to know it.
struct table_news {
  table_schema schema;
  std::string stream;
  bool stamps = false; ///< Rows without a time get that of their publishing.
  /// Where its rows are written, loaded and looked for.
  std::string directory;
  // Whether questions about it miss rows without one of these, and how one
  // comes to live when none does by itself.
  bool in_rdb = false;
  bool in_hdb = false;
  std::string rdb_hint;
  std::string hdb_hint;
  /// Why answers may lack rows no matter who is asked; empty: they do not.
  std::string warning;
  bool is_held = false; ///< By the RDB that is told.
};

/// As a message has it.
[[nodiscard]] status_facts to_facts(const table_news& news);
/// `malformed_message` when it is not what `to_facts` makes.
[[nodiscard]] result<table_news> table_news_of(const chunk& schema,
                                               const status_facts& about);

/// One that takes in tables while it runs. It answers what it did: "state" is
/// "taken", "known" (it knew exactly this one), or "reads_again" (taken, and
/// rows that came before are read from the stream again: it ends for that, and
/// its next life has them). `already_exists`: it knows another one by this
/// name.
using table_taker_actor = caf::typed_actor<
  // A TableSchema, and the rest of its table_news.
  caf::replies_to<take_table_atom, chunk, status_facts>::with<status_facts>>;

} // namespace millrace
