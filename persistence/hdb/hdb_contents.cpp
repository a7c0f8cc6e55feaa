#include <millrace/persistence/hdb/hdb_contents.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::persistence {

std::map<std::string, uint64_t> contents_of(const hdb_manifest& manifest) {
  std::map<std::string, uint64_t> out;
  std::string text;
  for (const auto& part : manifest.parts) {
    if (part.row_count == 0 && !is_ledger_entry(part))
      continue;
    text = part.partition + '\0' + part.stream;
    for (const auto number :
         {static_cast<uint64_t>(part.period), part.from.value, part.to.value,
          uint64_t{part.row_count}})
      text += '\0' + std::to_string(number);
    // Whatever order the parts stand in.
    out[part.table] += XXH3_64bits(text.data(), text.size());
  }
  return out;
}

} // namespace millrace::persistence
