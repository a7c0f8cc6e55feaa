#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/await_served.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/configuration/same_directory.hpp>

namespace millrace::nodes {

namespace {

constexpr auto look_again = std::chrono::milliseconds{50};

/// @param late becomes the names of those that do not serve it yet
std::vector<std::string> serving(const text::json_value& live,
                                 const std::string& directory,
                                 manifest_version version, std::string& late) {
  std::vector<std::string> out;
  for (const auto& [name, facts] : live.at("processes").entries()) {
    const auto* of = facts.at("directory").text();
    const auto& stands = facts.at("version");
    if (of == nullptr || stands.is_null() || !is_same_directory(*of, directory))
      continue;
    if (stands.natural().value_or(0) >= version.value)
      out.push_back(name);
    else
      text::add_to_list(late, name);
  }
  return out;
}

} // namespace

result<std::vector<std::string>> await_served(runtime& host,
                                              const cluster_config& config,
                                              const std::string& directory,
                                              manifest_version version) {
  auto& clock = *host.env().clock;
  const auto until
    = clock.monotonic_ns() + std::chrono::nanoseconds{served_deadline}.count();
  guest self{host.system()};
  for (;;) {
    std::string late;
    auto out = serving(collect_status(host, config), directory, version, late);
    if (late.empty())
      return out;
    if (clock.monotonic_ns() >= until)
      return error{errc::timeout,
                   "it is written as version " + to_string(version)
                     + ", and not served yet by " + late
                     + "; 'millrace status' shows which version it serves, "
                       "its node's log why"};
    self.pause(look_again);
  }
}

std::string served_text(const std::vector<std::string>& hdbs) {
  if (hdbs.empty())
    return "no hdb of the cluster runs that serves it";
  return "served by " + text::joined(hdbs);
}

} // namespace millrace::nodes
