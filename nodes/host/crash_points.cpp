#include <millrace/nodes/host/crash_points.hpp>
#include <millrace/persistence/disk/crash_point_names.hpp>

#include <atomic>
#include <charconv>
#include <memory>
#include <signal.h>
#include <unistd.h>

namespace millrace::nodes {

result<std::optional<crash_request>>
parse_crash_request(std::string_view text) {
  if (text.empty())
    return std::optional<crash_request>{};
  const auto colon = text.find(':');
  crash_request out{std::string{text.substr(0, colon)}, 1};
  if (!persistence::is_crash_point(out.point))
    return error{errc::config, "CRASH_AT: '" + out.point
                                 + "' is not the name of a crash point"};
  if (colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    const auto* end = digits.data() + digits.size();
    const auto [stop, fault] = std::from_chars(digits.data(), end, out.count);
    if (fault != std::errc{} || stop != end || out.count == 0)
      return error{errc::config, "CRASH_AT: '" + std::string{digits}
                                   + "' is not a positive count"};
  }
  return std::optional{std::move(out)};
}

std::function<void(const char*)>
make_crash_point(const std::optional<crash_request>& request,
                 std::function<void()> die) {
  if (!request)
    return [](const char*) {};
  if (!die)
    die = [] {
      // No handler and no flush runs: what the kernel holds stays, all else
      // is lost.
      ::kill(::getpid(), SIGKILL);
      ::pause();
    };
  auto passed = std::make_shared<std::atomic<uint64_t>>(0);
  return [wanted = *request, die = std::move(die), passed](const char* point) {
    if (wanted.point == point && ++*passed == wanted.count)
      die();
  };
}

} // namespace millrace::nodes
