#include <millrace/actors/rt/publish/origin_doubt.hpp>

namespace millrace::rt {

origin_doubt::origin_doubt(persistence::file_system& fs,
                           const std::string& directory, bool asks_rt)
  : fs_{&fs}, mark_{directory + "/.unverified"}, asks_rt_{asks_rt},
    existed_{fs.exists(directory)}, found_{asks_rt && fs.exists(mark_)} {}

error origin_doubt::suspect() {
  if (!asks_rt_ || found_)
    return {};
  const auto made = fs_->open(mark_, persistence::open_mode::write);
  return made ? error{} : made.failure();
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
