#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace millrace::torq {

/// A batch that no table fits.
struct dead_letter {
  std::string_view stream;
  position end; ///< Of its message.
  std::string_view origin;
  int64_t id = 0;
  std::string_view table; ///< Empty: it could not be read.
  uint32_t rows = 0;
  std::string reason;
  std::span<const std::byte> payload;
};

/// The dead letters of an rdb: a file of JSON lines, each with the fields above
/// and the payload in hexadecimal digits, which only grows. A letter that comes
/// again, when a stream is replayed, is kept once. A batch that is taken after
/// all, since a table fits it by now, has a line of stream, position, origin,
/// id and `"taken":true`, after its letters. One owner.
class dead_letters {
public:
  /// Opens the file, or makes it; a line that a power cut has torn is cut off.
  [[nodiscard]] static result<std::unique_ptr<dead_letters>>
  open(persistence::file_system& fs, const std::string& path);

  /// Writes it, not synced: until its period is written down it would come
  /// again.
  [[nodiscard]] error keep(const dead_letter& what);

  /// The batch of a letter went into its table after all: readers leave the
  /// letter out from here on. Nothing where there is no letter of it. Not
  /// synced: as in `keep`.
  [[nodiscard]] error take_back(std::string_view stream, position end,
                                std::string_view origin, int64_t id);
  /// A letter waits at this position; one look-up.
  [[nodiscard]] bool waits_at(position end) const {
    return waiting_.contains(end.value);
  }

  /// What has been kept survives a power cut. Any thread.
  [[nodiscard]] error sync() { return file_->sync(); }

private:
  explicit dead_letters(std::unique_ptr<persistence::file> into)
    : file_{std::move(into)} {}

  struct waiting {
    std::string stream;
    std::string origin;
    int64_t id = 0;
    uint64_t line = 0; ///< Its hash.
    [[nodiscard]] bool is_of(std::string_view its_stream,
                             std::string_view its_origin,
                             int64_t its_id) const {
      return stream == its_stream && origin == its_origin && id == its_id;
    }
  };

  [[nodiscard]] error load();
  void note(const std::string& line);
  void forget(std::string_view stream, position end, std::string_view origin,
              int64_t id);
  [[nodiscard]] error append(std::string line);

  std::unique_ptr<persistence::file> file_;
  uint64_t end_ = 0;
  std::set<uint64_t> known_; ///< Hashes of lines of batches that wait.
  std::multimap<uint64_t, waiting> waiting_; ///< By position.
};

} // namespace millrace::torq
