#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/process_file.hpp>
#include <millrace/nodes/configuration/read_port.hpp>

#include <algorithm>
#include <cstdlib>

// What a configuration is asked for, and where it is found.

namespace millrace::nodes {

namespace {

template <class T>
const T* named(const std::vector<T>& all, std::string_view name) noexcept {
  const auto found
    = std::find_if(all.begin(), all.end(),
                   [&](const auto& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

} // namespace

bool process_config::holds(std::string_view wanted) const noexcept {
  return type == process_type::rdb
         && std::find(tables.begin(), tables.end(), wanted) != tables.end();
}

const node_config*
cluster_config::node(std::string_view wanted) const noexcept {
  return named(nodes, wanted);
}

bool cluster_config::spans_hosts() const noexcept {
  return std::any_of(nodes.begin(), nodes.end(), [this](const auto& each) {
    return kind_of_address(address_of(each)) == address_kind::other;
  });
}

const process_config*
cluster_config::process(std::string_view wanted) const noexcept {
  return named(processes, wanted);
}

const stream_config*
cluster_config::stream(std::string_view wanted) const noexcept {
  return named(streams, wanted);
}

const table_config*
cluster_config::table(std::string_view wanted) const noexcept {
  for (const auto& each : tables)
    if (each.schema.name == wanted)
      return &each;
  return nullptr;
}

int64_t cluster_config::query_timeout_ns() const noexcept {
  int64_t out = 0;
  for (const auto& each : processes)
    if (each.type == process_type::gateway)
      out = std::max(out, each.query_timeout_ns);
  return out;
}

const std::string& cluster_config::stream_of(const process_config& rdb) const {
  return table(rdb.tables.front())->stream;
}

std::string cluster_config::home_of(std::string_view table) const {
  for (const auto& process : processes)
    if (process.holds(table) && process.write_down)
      return process.hdb_directory;
  for (const auto& process : processes)
    if (process.type == process_type::hdb)
      return process.hdb_directory;
  for (const auto& process : processes)
    if (process.holds(table))
      return process.hdb_directory;
  return {};
}

std::string cluster_config::node_directory(std::string_view node_name) const {
  return data_directory + "/nodes/" + std::string{node_name};
}

std::vector<const process_config*>
cluster_config::members_of(std::string_view stream) const {
  std::vector<const process_config*> out;
  for (const auto& process : processes)
    if (std::find(process.streams.begin(), process.streams.end(), stream)
        != process.streams.end())
      out.push_back(&process);
  return out;
}

const process_config*
cluster_config::publisher_of(std::string_view of) const noexcept {
  const auto* found = stream(of);
  return found == nullptr || found->publisher.empty()
           ? nullptr
           : process(found->publisher);
}

std::string
cluster_config::stream_directory(std::string_view rt,
                                 std::string_view stream_name) const {
  return data_directory + "/rt/" + std::string{rt} + "/"
         + std::string{stream_name};
}

std::string_view to_string(stream_mode mode) noexcept {
  return mode == stream_mode::cached ? "cached" : "synced";
}

result<cluster_config> load_configuration(persistence::file_system& fs,
                                          const std::string& path) {
  if (path.ends_with(".csv"))
    return load_process_file(fs, path);
  constexpr uint64_t file_bytes_max = 16u << 20;
  const auto text = persistence::read_text_file(fs, path, file_bytes_max);
  if (!text)
    return error{errc::config,
                 "cannot read the configuration: " + text.failure().context};
  return parse_configuration(*text, path);
}

result<std::string> configuration_path(const std::string& given) {
  if (!given.empty())
    return given;
  // The second one is TorQ's: of a process file.
  for (const auto* name : {"MILLRACE_CONFIG", "TORQPROCESSES"})
    if (const char* variable = std::getenv(name);
        variable != nullptr && *variable != '\0')
      return std::string{variable};
  return error{errc::config,
               "no configuration: give --config FILE or set MILLRACE_CONFIG"};
}

} // namespace millrace::nodes
