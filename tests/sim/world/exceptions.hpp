#pragma once

#include <iosfwd>
#include <sstream>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::sim {

/// What the exception says that is being handled.
[[nodiscard]] std::string what_was_thrown();

/// The exceptions that left handlers of actors, as CAF says them on standard
/// output among whatever else was said there.
[[nodiscard]] std::vector<std::string> exceptions_in(std::string_view said);

/// Keeps what is said on `std::cout` while somebody listens.
class heard_console {
public:
  class listening {
  public:
    explicit listening(heard_console& in);
    ~listening();
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;

  private:
    std::streambuf* console_;
  };

  [[nodiscard]] std::string said() const { return said_.str(); }

private:
  std::stringbuf said_;
};

} // namespace millrace::sim
