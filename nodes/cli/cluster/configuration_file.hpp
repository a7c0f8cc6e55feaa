#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/descriptor.hpp>

#include <string>

namespace millrace::nodes {

/// The file of a configuration, for a command that changes it. Others that want
/// to change it wait until this one is gone.
class configuration_file {
public:
  /// What `--config`, or `$MILLRACE_CONFIG`, names; a link stays one.
  /// @param what is declared there, for the message: "streams"
  [[nodiscard]] static result<configuration_file> open(const std::string& given,
                                                       const char* what);

  /// Absolute, without links.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// Who could read it can read it afterwards, and finds the old text or
  /// the new one, whatever happens.
  [[nodiscard]] error replace(const std::string& text);

private:
  configuration_file(std::string path, std::string text, descriptor lock)
    : path_{std::move(path)}, text_{std::move(text)}, lock_{std::move(lock)} {}

  std::string path_;
  std::string text_;
  descriptor lock_;
};

} // namespace millrace::nodes
