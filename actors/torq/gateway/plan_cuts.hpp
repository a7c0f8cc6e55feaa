#pragma once

#include <millrace/actors/torq/gateway/end_inquiry.hpp>
#include <millrace/messages/data/answer.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace millrace::torq {

/// In which order the fragments of one plan are asked, so that all of a stream
/// are answered at one place of it. The first fragment alone goes first: what
/// is joined to its newest rows is asked of the other streams after it. Of each
/// other stream one fragment goes first, too; where it is answered is where
/// the others of the stream are. Pure; one owner.
class plan_cuts {
public:
  struct fragment {
    std::string stream;
    bool grows = false; ///< Its table has rows of the current period.
  };
  /// What is to be done: ask this fragment, for rows up to this place.
  struct ask {
    size_t fragment = 0;
    stream_place upto{newest, {}};
    friend bool operator==(const ask&, const ask&) = default;
  };

  /// @pre there is one
  explicit plan_cuts(std::vector<fragment> fragments);

  [[nodiscard]] std::vector<ask> start();
  /// A fragment was answered up to this place of its stream. Each once.
  [[nodiscard]] std::vector<ask> answered(size_t number,
                                          const stream_place& upper);
  [[nodiscard]] bool complete() const noexcept { return missing_ == 0; }

private:
  enum class standing { to_come, asked, done };
  struct entry {
    fragment what;
    standing now = standing::to_come;
  };
  [[nodiscard]] bool one_is_asked(const std::string& stream) const;

  std::vector<entry> fragments_;
  std::map<std::string, stream_place> agreed_; ///< By stream.
  size_t missing_;
};

} // namespace millrace::torq
