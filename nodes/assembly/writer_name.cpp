#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/assembly/writer_name.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

namespace millrace::nodes {

namespace {

/// With the number after it, as long as a name may be at most.
constexpr size_t host_chars_max = 55;
constexpr uint64_t file_bytes_max = 256;

std::string host_part(const std::string& host) {
  auto out = host.substr(0, host_chars_max);
  std::replace_if(
    out.begin(), out.end(),
    [](char each) { return !text::is_undotted_name(std::string(1, each)); },
    '-');
  out.erase(0, out.find_first_not_of('-'));
  return out.empty() ? "host" : out;
}

} // namespace

result<std::string> writer_name(persistence::file_system& fs,
                                const std::string& log_path,
                                const std::string& host, uint64_t random) {
  if (auto fault = fs.create_directories(log_path))
    return fault;
  const auto path = log_path + "/.writer";
  // Two that are started at once take the same one.
  const auto held
    = fs.lock_file(log_path + "/.writer.lock",
                   persistence::lock_mode::exclusive_wait, "a publisher");
  if (!held)
    return held.failure();
  const auto known = persistence::read_text_file(fs, path, file_bytes_max);
  if (known) {
    const auto name = known->substr(0, known->find('\n'));
    if (text::is_undotted_name(name))
      return name;
    return error{errc::corrupt,
                 path + ": '" + name
                   + "' is not a name; put the name back that the directories "
                     "of publishers beside it have after '@', or remove it "
                     "where there are none"};
  }
  if (known.failure().code != errc::not_found)
    return known.failure();
  std::array<char, 10> number{};
  std::snprintf(number.data(), number.size(), "-%08x",
                static_cast<uint32_t>(random));
  const auto name = host_part(host) + number.data();
  const auto text = name + "\n";
  if (auto fault = persistence::replace_file(
        fs, path, std::as_bytes(std::span{text.data(), text.size()})))
    return fault;
  return name;
}

} // namespace millrace::nodes
