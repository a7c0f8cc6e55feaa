#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/exchange/row_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace millrace::persistence {

/// A file that is written from its begin to its end, through a buffer.
class export_file final : public byte_sink {
public:
  /// `already_exists` when it is there.
  [[nodiscard]] static result<export_file> create(file_system& fs,
                                                  const std::string& path);

  [[nodiscard]] error append(std::span<const std::byte> bytes) override;
  [[nodiscard]] uint64_t size() const noexcept override {
    return written_ + buffer_.size();
  }
  /// Everything survives a power cut after it.
  [[nodiscard]] error finish();

private:
  explicit export_file(std::unique_ptr<file> to) : to_{std::move(to)} {}

  [[nodiscard]] error flush();

  std::unique_ptr<file> to_;
  std::vector<std::byte> buffer_;
  uint64_t written_ = 0;
};

/// A directory that becomes visible as a whole: it grows beside its name, in
/// `<path>.unfinished`, and takes it at the end. One owner.
class export_target {
public:
  /// `locked` when there is something of that name, which is not
  /// touched, and while another export to it runs. What an export that was
  /// killed left goes.
  [[nodiscard]] static result<export_target> begin(file_system& fs,
                                                   std::string path);
  /// Removes what is not finished.
  ~export_target();
  export_target(export_target&& other) noexcept;
  export_target& operator=(export_target&&) = delete;
  export_target(const export_target&) = delete;
  export_target& operator=(const export_target&) = delete;

  /// Whether what an earlier export left was removed.
  [[nodiscard]] bool took_over() const noexcept { return took_over_; }

  /// Makes `below`, a path in it, with its parents.
  [[nodiscard]] result<std::string> directory(const std::string& below);
  [[nodiscard]] result<export_file> file(const std::string& below);
  /// It has its name, also after a power cut. After a fault nothing has it.
  [[nodiscard]] error commit();

private:
  export_target(file_system& fs, std::string path)
    : fs_{&fs}, path_{std::move(path)} {}

  [[nodiscard]] error clear(const std::string& growing);
  [[nodiscard]] error remove_growing();

  file_system* fs_;
  std::string path_;
  std::set<std::string> directories_; ///< That were made in it.
  std::unique_ptr<directory_lock> lock_;
  bool took_over_ = false;
  bool open_ = false;
};

} // namespace millrace::persistence
