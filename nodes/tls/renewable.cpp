#include <millrace/nodes/tls/renewable.hpp>

#include <algorithm>
#include <sys/stat.h>

namespace millrace::nodes {

namespace {

int64_t ns_of(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

} // namespace

std::string renewal_text(int64_t days_left, const error& fault) {
  const auto lasts = " lasts " + std::to_string(days_left) + " days";
  return fault
           ? "there are new files of a certificate, and they are of no "
             "use: the one from before stays, which"
               + lasts + "; " + fault.context
           : "read anew, for connections that begin from now on; it" + lasts;
}

file_watch::file_watch(std::vector<std::string> paths,
                       std::function<int64_t()> wall_ns)
  : paths_{std::move(paths)}, wall_ns_{std::move(wall_ns)}, known_{look()} {}

std::vector<file_watch::stamp> file_watch::look() const {
  std::vector<stamp> out;
  for (const auto& path : paths_) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0)
      out.push_back({about.st_ino, about.st_size, ns_of(about.st_mtim),
                     ns_of(about.st_ctim)});
  }
  return out;
}

bool file_watch::changed() {
  if (paths_.empty())
    return false;
  const auto now = wall_ns_();
  // A clock that is set back does not stop it for long.
  if (now >= looked_ns_ && now - looked_ns_ < pause_ns)
    return false;
  looked_ns_ = now;
  auto seen = look();
  if (seen == known_ || seen.size() != paths_.size())
    return false;
  const bool is_settled
    = std::all_of(seen.begin(), seen.end(), [&](const stamp& each) {
        const auto youngest = std::max(each.written_ns, each.changed_ns);
        return youngest > now || now - youngest >= settled_ns;
      });
  if (is_settled)
    known_ = std::move(seen);
  return is_settled;
}

} // namespace millrace::nodes
