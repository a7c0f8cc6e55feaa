#include <millrace/feed/source/reject_file.hpp>

#include <span>

namespace millrace::feed {

namespace {

constexpr size_t pending_bytes_max = 64 * 1024;

} // namespace

error reject_file::open() {
  if (file_)
    return {};
  auto opened = fs_.open(path_, persistence::open_mode::write);
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  end_ = *size;
  file_ = std::move(*opened);
  return {};
}

error reject_file::write() {
  if (pending_.empty())
    return {};
  if (auto fault = open())
    return fault;
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{pending_})))
    return fault;
  end_ += pending_.size();
  pending_.clear();
  return {};
}

error reject_file::add(const rejected_line& line) {
  pending_ += line.source + '\t' + std::to_string(line.line) + '\t'
              + std::to_string(line.offset) + '\t' + line.reason + '\t'
              + line.text + '\n';
  return pending_.size() < pending_bytes_max ? error{} : write();
}

error reject_file::flush() {
  if (auto fault = write())
    return fault;
  return file_ ? file_->sync() : error{};
}

} // namespace millrace::feed
