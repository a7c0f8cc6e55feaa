#pragma once

#include <string>
#include <vector>

namespace millrace::test_support {

/// A configuration as its file has it, section after section as they are added.
/// `more` are further lines of the one that is added, and further sections.
/// Tests about the lines of a file write it out instead.
class cluster_text {
public:
  explicit cluster_text(const std::string& name,
                        const std::string& data = "data",
                        const std::string& more = {})
    : text_{"[cluster]\nname = " + quoted(name) + "\ndata = " + quoted(data)
            + "\n" + more} {}

  cluster_text& stream(const std::string& name, const std::string& more = {}) {
    text_ += "[[stream]]\nname = " + quoted(name) + "\n" + more;
    return *this;
  }

  /// @param columns as "time:timestamp", in one line
  cluster_text& table(const std::string& name, const std::string& stream,
                      const std::vector<std::string>& columns,
                      const std::string& more = {}) {
    text_ += "[[table]]\nname = " + quoted(name)
             + "\nstream = " + quoted(stream) + "\ncolumns = [";
    for (const auto& each : columns)
      text_ += (&each == columns.data() ? "" : ", ") + quoted(each);
    text_ += "]\n" + more;
    return *this;
  }

  cluster_text& node(const std::string& name, int port,
                     const std::string& more = {}) {
    text_ += "[[node]]\nname = " + quoted(name)
             + "\nport = " + std::to_string(port) + "\n" + more;
    return *this;
  }

  cluster_text& process(const std::string& name, const std::string& type,
                        const std::string& node, const std::string& more = {}) {
    text_ += "[[process]]\nname = " + quoted(name) + "\ntype = " + quoted(type)
             + "\nnode = " + quoted(node) + "\n" + more;
    return *this;
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
  static std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
  }

  std::string text_;
};

} // namespace millrace::test_support
