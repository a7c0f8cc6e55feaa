#include <millrace/messages/protocol/table_news.hpp>

namespace millrace {

status_facts to_facts(const table_news& news) {
  return {{"stream", news.stream},       {"stamps", news.stamps},
          {"directory", news.directory}, {"in_rdb", news.in_rdb},
          {"in_hdb", news.in_hdb},       {"rdb_hint", news.rdb_hint},
          {"hdb_hint", news.hdb_hint},   {"warning", news.warning},
          {"is_held", news.is_held}};
}

result<table_news> table_news_of(const chunk& schema,
                                 const status_facts& about) {
  auto decoded = decode_table_schema(schema.data(), schema.size());
  if (!decoded)
    return decoded.failure();
  table_news out;
  out.schema = *std::move(decoded);
  error fault;
  const auto text = [&](const char* key) {
    const auto* found = about.at(key).text();
    if (found == nullptr)
      fault = {errc::malformed_message,
               std::string{"news of a table has no text '"} + key + "'"};
    return found == nullptr ? std::string{} : *found;
  };
  const auto flag = [&](const char* key) {
    const auto found = about.at(key).boolean();
    if (!found)
      fault = {errc::malformed_message,
               std::string{"news of a table does not say '"} + key + "'"};
    return found.value_or(false);
  };
  out.stream = text("stream");
  out.stamps = flag("stamps");
  out.directory = text("directory");
  out.in_rdb = flag("in_rdb");
  out.in_hdb = flag("in_hdb");
  out.rdb_hint = text("rdb_hint");
  out.hdb_hint = text("hdb_hint");
  out.warning = text("warning");
  out.is_held = flag("is_held");
  if (fault)
    return fault;
  return out;
}

} // namespace millrace
