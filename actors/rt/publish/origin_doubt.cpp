#include <millrace/actors/rt/publish/origin_doubt.hpp>

namespace millrace::rt {

result<origin_doubt> origin_doubt::begin(persistence::file_system& fs,
                                         const std::string& directory,
                                         bool asks_rt) {
  origin_doubt doubt{fs, directory + "/.unverified", asks_rt};
  doubt.existed_ = fs.exists(directory);
  doubt.found_ = asks_rt && fs.exists(doubt.mark_);
  if (asks_rt && !doubt.found_ && doubt.existed_)
    if (auto made = fs.open(doubt.mark_, persistence::open_mode::write); !made)
      return made.failure();
  return doubt;
}

void origin_doubt::refused(const error& why) {
  if (asks_rt_ && !found_ && why.code == errc::locked)
    (void)fs_->remove(mark_);
}

bool origin_doubt::settle(bool known, bool clean) {
  if (!asks_rt_) {
    verified_ = true;
    return false;
  }
  if (clean && !found_) {
    // A directory with its whole history numbers by itself; one to which
    // nothing was ever written is as good as new.
    verified_ = known;
    existed_ = known;
    // A mark that stays costs the next life a question.
    (void)fs_->remove(mark_);
    return false;
  }
  marked_ = true;
  return known;
}

void origin_doubt::written() {
  if (!ends_)
    return;
  marked_ = ends_ = false;
  // A mark that stays costs the next life a question.
  (void)fs_->remove(mark_);
}

} // namespace millrace::rt
