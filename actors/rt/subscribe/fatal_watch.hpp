#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

/// How often a message ends its process before it is passed over, unless
/// somebody says otherwise.
inline constexpr uint32_t park_after_default = 3;

/// A message that ends its process whenever it takes it: noticed over the lives
/// of the process, and parked, so that the process comes past it. In a small
/// file it says which message is taken; a life that finds one there counts it,
/// if the one before ended by a fault of its own: who is killed, as when memory
/// is short, is killed where it happens to be. That costs two writes per
/// message, and so is done only after a life that ended by a fault, and until
/// what had been in the stream by then is taken again: the first end is not
/// counted, unless it was an exception. A message counts as long as it is the
/// same one that ends life after life. The file is not synced: what a power cut
/// takes of it is counted again. One owner.
class fatal_watch {
public:
  /// A message, by where it ends in which life of its stream.
  struct place {
    lineage_id life;
    position end;
    friend bool operator==(const place&, const place&) = default;
  };

  /// Reads what earlier lives left, and makes the directories of the files. A
  /// message that ended `park_after` lives in a row is parked from then on, in
  /// all later lives: that is synced. A file that cannot be read counts for
  /// nothing, and is written anew; of a list of what is parked its good lines
  /// count, and the others are told by `damage`.
  /// @param path of what is taken; beside it, with ".parked", what is parked
  /// @param park_after 0: nothing is watched, and no file is touched
  /// @param faulted how the life before ended: `persistence::env`
  [[nodiscard]] static result<std::unique_ptr<fatal_watch>>
  open(persistence::file_system& fs, const std::string& path,
       uint32_t park_after, bool faulted);
  /// Says that this life ended as it should, unless a message is being taken.
  ~fatal_watch();
  fatal_watch(const fatal_watch&) = delete;
  fatal_watch& operator=(const fatal_watch&) = delete;

  /// It is to be passed over.
  [[nodiscard]] bool is_parked(const place& what) const;
  /// The stream reached this place when a flow of it began.
  void flow_began(position end);
  /// Calls `take`, which may not come back.
  /// @returns what `take` does
  template <class Take>
  auto watch(const place& what, Take take) {
    if (park_after_ == 0)
      return take();
    begin(what);
    try {
      const ending done{*this};
      return take();
    } catch (...) {
      threw(what);
      throw;
    }
  }
  /// Why it could not be said what is taken; none: it could.
  [[nodiscard]] const error& fault() const noexcept { return fault_; }
  /// What the list of parked messages held that names none, and is kept beside
  /// it with ".damaged"; empty: nothing. Messages that it may have named are
  /// taken again, and parked again by as many ends.
  [[nodiscard]] const std::string& damage() const noexcept { return damage_; }

private:
  struct ending {
    fatal_watch& of;
    int before = std::uncaught_exceptions();
    ~ending() {
      if (std::uncaught_exceptions() == before)
        of.end();
    }
  };
  struct taking {
    place what;
    uint32_t times = 0;
  };
  /// What the file says. `suspected`, `threw`: the message was counted by then.
  enum class mark : uint8_t { ended, running, taking, suspected, threw };

  fatal_watch(persistence::file_system& fs, std::string path,
              uint32_t park_after);
  error load(bool faulted);
  error load_parked();
  error park(const place& what);
  error write_parked(const std::vector<place>& all);
  void begin(const place& what);
  void end();
  void threw(const place& what);
  [[nodiscard]] uint32_t times_of(const place& what) const;
  void write(mark as, const taking& what);

  persistence::file_system* fs_;
  std::string path_;
  uint32_t park_after_;
  std::unique_ptr<persistence::file> file_;
  std::vector<place> parked_;
  std::string damage_;
  std::optional<taking> suspect_; ///< That ended lives, the last one maybe.
  bool careful_ = false;
  bool inside_ = false;
  position careful_until_;
  position passed_;
  error fault_;
};

} // namespace millrace::rt
