#include <millrace/persistence/log/bad_record.hpp>

namespace millrace::persistence {

std::optional<bad_record> find_bad_record(const lineage_id& lineage,
                                          position at,
                                          std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto parsed = parse_record(bytes, lineage, at, payload_check::verify);
    if (parsed.kind != parse_outcome::what::record)
      return bad_record{at, parsed.reason};
    at.value += parsed.record.length;
    bytes = bytes.subspan(parsed.record.length);
  }
  return std::nullopt;
}

error check_received(const std::string& directory, const lineage_id& lineage,
                     position at, std::span<const std::byte> bytes) {
  const auto bad = find_bad_record(lineage, at, bytes);
  if (!bad)
    return {};
  return {
    errc::malformed_message,
    directory + ": the bytes received at " + to_string(bad->at)
      + " are not a record: "
      + (bad->reason.empty() ? "bytes are missing" : std::string{bad->reason})};
}

} // namespace millrace::persistence
