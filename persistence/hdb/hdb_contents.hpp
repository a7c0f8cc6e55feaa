#pragma once

#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace millrace::persistence {

/// By table, a number that is the same of two databases that hold the same rows
/// of it, as far as manifests say: of the same ranges of the same streams, the
/// same loads, and the same work by hand at the same moment, as copied files
/// have it, be they cut into parts alike. Of none that hold different ones, but
/// by chance (64 bits).
[[nodiscard]] std::map<std::string, uint64_t>
contents_of(const hdb_manifest& manifest);

} // namespace millrace::persistence
