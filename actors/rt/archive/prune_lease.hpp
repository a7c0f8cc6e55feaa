#pragma once

#include <cstdint>
#include <string>

namespace millrace::rt {

/// Which subscriber decides for all what of a log is needed no more: one at a
/// time, for as long as it says so. Pure; one owner.
class prune_lease {
public:
  /// One that said nothing for so long is gone.
  static constexpr int64_t lease_ns = 10'000'000'000;

  /// `who` asks for it, or says that it goes on.
  /// @param who the name of an actor, as it ends with that of its process
  /// @returns whether it has it now, and had it not
  bool take(const std::string& who, int64_t now_ns) {
    if (holder_ != who && now_ns < until_ns_)
      return false;
    until_ns_ = now_ns + lease_ns;
    if (holder_ == who)
      return false;
    holder_ = who;
    return true;
  }

  /// Who took it last.
  [[nodiscard]] const std::string& holder() const noexcept { return holder_; }

  /// "process N", as `status` tells who has it now; empty: nobody.
  [[nodiscard]] std::string told(int64_t now_ns) const {
    return now_ns < until_ns_ ? process() : std::string{};
  }

  /// A line for a log when it went to another one.
  [[nodiscard]] std::string describe() const {
    return process() + " (subscriber " + holder_
           + ") decides from now on what is no longer needed";
  }

private:
  [[nodiscard]] std::string process() const {
    return "process " + holder_.substr(holder_.rfind('#') + 1);
  }

  std::string holder_;
  int64_t until_ns_ = 0;
};

} // namespace millrace::rt
