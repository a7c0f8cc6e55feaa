#pragma once

#include <millrace/bench/part_process.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::bench {

/// The RT nodes of a stream, each a process that may be killed and started
/// again; who measures is their client.
class stream_nodes {
public:
  /// All of them run. `directory` is emptied.
  [[nodiscard]] static result<std::unique_ptr<stream_nodes>>
  create(const std::string& directory, bool cached, size_t count);

  /// kill -9.
  void kill(size_t index) { parts_[index].reset(); }
  /// Returns when it has read what it finds on its disk.
  [[nodiscard]] error start(size_t index);
  [[nodiscard]] size_t count() const noexcept { return parts_.size(); }

  [[nodiscard]] const nodes::cluster_config& config() const noexcept {
    return config_;
  }
  /// "5001,5002": where they are found.
  [[nodiscard]] const std::string& ports() const noexcept { return ports_; }

  /// The largest memory that one of them had, in bytes. Before `kill`.
  [[nodiscard]] result<uint64_t> peak_bytes();

private:
  stream_nodes() = default;
  error launch(size_t index);

  nodes::cluster_config config_;
  std::string directory_;
  std::string mode_;
  std::string ports_;
  std::vector<std::unique_ptr<part_process>> parts_;
};

} // namespace millrace::bench
