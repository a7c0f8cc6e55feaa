#include <millrace/nodes/host/cluster_identity.hpp>

#include <charconv>
#include <cstdio>
#include <span>
#include <string_view>

namespace millrace::nodes {

namespace {

constexpr size_t digits = 16;

std::string folder_of(const std::string& data) { return data + "/.cluster"; }

/// @param none what it is where there is none
result<cluster_id> read_id(persistence::file_system& fs,
                           const std::string& data, cluster_id none) {
  const auto path = folder_of(data) + "/id";
  const auto bytes = persistence::read_own_file(fs, path, 4096);
  if (!bytes) {
    const auto why = bytes.failure().code;
    if (why == errc::not_found)
      return none;
    if (why == errc::permission)
      return cluster_id{};
    return bytes.failure();
  }
  const std::string_view text{reinterpret_cast<const char*>(bytes->data()),
                              bytes->size()};
  cluster_id id;
  if (text.size() == digits + 1 && text.back() == '\n') {
    const auto* end = text.data() + digits;
    const auto [stop, fault] = std::from_chars(text.data(), end, id.value, 16);
    if (fault == std::errc{} && stop == end && id != cluster_id{})
      return id;
  }
  return error{errc::corrupt, path + ": is not 16 hex digits"};
}

} // namespace

result<cluster_id> read_cluster_id(persistence::file_system& fs,
                                   const std::string& data) {
  return read_id(fs, data, {});
}

result<cluster_id> asked_cluster_id(persistence::file_system& fs,
                                    const std::string& data) {
  return read_id(fs, data, unfounded_cluster);
}

result<cluster_id> found_cluster_id(persistence::env& world,
                                    const std::string& data) {
  auto& fs = *world.fs;
  auto known = read_cluster_id(fs, data);
  if (!known || *known != cluster_id{})
    return known;
  const cluster_id drawn{world.random() | 1};
  char text[digits + 2];
  std::snprintf(text, sizeof text, "%016llx\n",
                static_cast<unsigned long long>(drawn.value));
  const auto made = folder_of(data) + "." + std::string{text, digits};
  if (auto fault = fs.create_directories(made))
    return fault;
  if (auto fault = persistence::replace_file(
        fs, made + "/id", std::as_bytes(std::span{text, digits + 1})))
    return fault;
  // A directory does not take the place of one that is not empty.
  const auto lost = fs.rename(made, folder_of(data));
  if (lost)
    if (auto fault = fs.remove_all(made))
      return fault;
  if (auto fault = fs.sync_directory(data))
    return fault;
  known = read_cluster_id(fs, data);
  if (known && *known == cluster_id{})
    return lost ? lost : error{errc::permission, folder_of(data) + "/id"};
  return known;
}

} // namespace millrace::nodes
