#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/zones.hpp>

#include <chrono>
#include <date/tz.h>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

namespace millrace::text {

namespace {

/// From the Unix epoch to 2000.01.01, the epoch of all stored times.
constexpr int64_t epoch_s = 946'684'800;

int64_t since_2000(date::sys_seconds at) {
  // The last span of a zone ends beyond what nanoseconds can count.
  const int64_t seconds = at.time_since_epoch().count() - epoch_s;
  int64_t ns = 0;
  return __builtin_mul_overflow(seconds, second_ns, &ns) ? INT64_MAX : ns;
}

/// Whether the changes of a zone go on by a rule at the end of its file (RFC
/// 8536, footer), which date does not read: files that zic made "slim" list
/// none of those changes, "fat" ones list them up to 2037.
bool needs_rule(const date::time_zone& zone, const std::string& name) {
  constexpr date::sys_days listed{date::year{2036} / 7 / 1};
  if (zone.get_info(listed).end != date::sys_seconds::max()
      && zone.get_info(listed).end < date::sys_days{date::year{2040} / 1 / 1})
    return false;
  // lint: allow(file): where date finds the zones itself.
  std::ifstream file{"/usr/share/zoneinfo/" + name, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (!bytes.ends_with('\n') || bytes.size() < 2)
    return false;
  const auto footer = bytes.substr(bytes.rfind('\n', bytes.size() - 2) + 1);
  return footer.find(',') != footer.npos;
}

} // namespace

result<time_zone> time_zone::open(const std::string& name) {
  try {
    const auto* zone = date::locate_zone(name);
    if (needs_rule(*zone, name))
      return error{errc::unsupported,
                   "zone '" + name
                     + "': the time zone database of this host lists no "
                       "changes of the coming years ('slim'); one made with "
                       "'zic -b fat', as Debian's tzdata, does"};
    return time_zone{zone};
  } catch (const std::exception&) {
    return error{errc::not_found,
                 "zone '" + name + "' is not in the time zone database"};
  }
}

wall_instant time_zone::at(int64_t wall_ns) const {

  const auto seconds = floor_divide(wall_ns, second_ns);
  const date::local_seconds wall{std::chrono::seconds{seconds + epoch_s}};
  const auto info = zone_->get_info(wall);
  wall_instant out;
  out.skipped = info.result == date::local_info::nonexistent;
  out.doubled = info.result == date::local_info::ambiguous;
  // `first` is in force before a change, hence the earlier reading; it ends
  // with the change.
  out.until_ns = since_2000(out.skipped ? info.second.end : info.first.end);
  if (out.skipped)
    out.utc_ns = since_2000(info.first.end);
  else
    out.utc_ns = since_2000(date::sys_seconds{wall.time_since_epoch()
                                              - info.first.offset})
                 + (wall_ns - seconds * second_ns);
  return out;
}

} // namespace millrace::text
