#include <millrace/feed/source/archive_source_internal.hpp>
#include <millrace/feed/source/byte_input_internal.hpp>
#include <millrace/feed/source/read_fully_internal.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/feed/source/unpacked_source_internal.hpp>

#include <algorithm>

namespace millrace::feed {

namespace {

/// A plain file, mapped.
class plain_source : public source {
public:
  explicit plain_source(std::shared_ptr<persistence::mapped_file> file)
    : file_{std::move(file)} {}

  [[nodiscard]] std::span<const std::byte> mapped() const noexcept override {
    return file_ ? file_->bytes() : std::span<const std::byte>{};
  }
  [[nodiscard]] std::shared_ptr<const void> mapping() const override {
    return file_;
  }
  result<size_t> read(std::span<std::byte> into) override {
    const auto rest = mapped().subspan(at_);
    const auto count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    at_ += count;
    return count;
  }
  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

private:
  std::shared_ptr<persistence::mapped_file> file_; ///< None: an empty file.
  size_t at_ = 0;
};

/// A file that is read as it grows, or a pipe.
class growing_source : public source {
public:
  explicit growing_source(byte_input from) : from_{std::move(from)} {}

  result<size_t> read(std::span<std::byte> into) override {
    return from_.read(into);
  }
  [[nodiscard]] uint64_t progress() const noexcept override {
    return from_.consumed();
  }

private:
  byte_input from_;
};

/// Whether `name` fits a pattern of '*' and '?'.
bool fits(std::string_view name, std::string_view pattern) {
  size_t at = 0;
  size_t in_pattern = 0;
  auto star = pattern.npos;
  size_t after_star = 0;
  while (at < name.size()) {
    if (in_pattern < pattern.size()
        && (pattern[in_pattern] == '?' || pattern[in_pattern] == name[at])) {
      ++at;
      ++in_pattern;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (star != pattern.npos) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == pattern.npos;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& each : names)
    out += (out.empty() ? "" : ", ") + each;
  return out;
}

result<std::vector<source_info>> chosen(zip_members members,
                                        const std::string& path,
                                        const std::string& pattern) {
  auto& [read, left_out] = members;
  const auto hidden = left_out.empty()
                        ? std::string{}
                        : " (a name that begins with a dot is hidden, and what "
                          "has it is not read: "
                            + listed(left_out) + ")";
  if (read.empty())
    return error{errc::bad_data,
                 path + ": the archive has no file that is read" + hidden};
  if (!pattern.empty()) {
    std::vector<std::string> names;
    for (const auto& each : read)
      names.push_back(each.member);
    std::erase_if(read, [&](const source_info& each) {
      return !fits(each.member, pattern);
    });
    if (read.empty())
      return error{errc::not_found, path + ": no member fits '" + pattern
                                      + "'; it has " + listed(names) + hidden};
    std::erase_if(
      left_out, [&](const std::string& each) { return !fits(each, pattern); });
  }
  read.front().left_out = std::move(left_out);
  return std::move(read);
}

/// The first bytes of a pipe, as soon as they are there.
error begin_pipe(std::unique_ptr<persistence::file> from,
                 std::span<const std::byte> taken,
                 const std::atomic<bool>& stop, source_info& info) {
  auto begin = std::make_shared<pipe_begin>();
  begin->from = std::move(from);
  begin->head.assign(taken.begin(), taken.end());
  auto known = taken.size();
  begin->head.resize(std::max(known, kind_bytes));
  const auto more
    = read_fully(std::span{begin->head}.subspan(known), stop,
                 [&](auto into) { return begin->from->read_at(0, into); });
  if (!more)
    return more.failure();
  known += *more;
  begin->head.resize(known);
  info.kind = kind_of(begin->head);
  info.total_bytes = known;
  info.pipe = std::move(begin);
  return {};
}

} // namespace

result<std::vector<source_info>> list_sources(persistence::file_system& fs,
                                              const std::string& path,
                                              const source_choice& choice,
                                              const std::atomic<bool>& stop) {
  auto opened = fs.open(path, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  source_info info;
  info.path = path;
  info.total_bytes = *size;
  info.followed = choice.follow;
  std::vector<std::byte> head(kind_bytes);
  const auto got = (*opened)->read_at(0, head);
  if (!got && got.failure().code != errc::timeout)
    return got.failure();
  if (*size == 0 && (!got || *got != 0)) {
    // The first bytes of a pipe are taken out of it.
    if (auto fault
        = begin_pipe(std::move(*opened), std::span{head}.first(got ? *got : 0),
                     stop, info))
      return fault;
  } else {
    head.resize(*got);
    info.kind = kind_of(head);
  }
  if (info.kind == source_kind::zip_member && info.pipe)
    return error{errc::unsupported,
                 path + ": a zip archive cannot be read through a pipe"};
  if (info.followed && info.kind != source_kind::plain)
    return error{errc::unsupported, path + ": only plain text can be followed"};
  if (info.kind != source_kind::zip_member)
    return std::vector<source_info>{info};
  auto members = list_zip(fs, path);
  if (!members)
    return members.failure();
  return chosen(*std::move(members), path, choice.member);
}

error check_member(const source_choice& choice,
                   const std::vector<source_info>& sources) {
  if (choice.member.empty()
      || std::any_of(sources.begin(), sources.end(),
                     [](const auto& each) { return !each.member.empty(); }))
    return {};
  return {errc::invalid_argument, "members '" + choice.member
                                    + "' are chosen (--member), and no archive "
                                      "is among the files"};
}

result<std::unique_ptr<source>> open_source(persistence::file_system& fs,
                                            const source_info& info,
                                            const std::atomic<bool>& stop) {
  if (info.kind == source_kind::zip_member) {
    auto member = open_zip_member(fs, info);
    if (!member)
      return member;
    return unpacked(*std::move(member), info.label(), stop);
  }
  if (info.pipe || info.followed || info.kind != source_kind::plain) {
    auto from = byte_input::open(fs, info, stop);
    if (!from)
      return from.failure();
    auto bytes = std::make_unique<growing_source>(*std::move(from));
    if (info.followed)
      return std::unique_ptr<source>{std::move(bytes)};
    return unpacked(std::move(bytes), info.label(), stop);
  }
  if (info.total_bytes == 0)
    return std::unique_ptr<source>{std::make_unique<plain_source>(nullptr)};
  auto file = fs.map(info.path);
  if (!file)
    return file.failure();
  return std::unique_ptr<source>{
    std::make_unique<plain_source>(std::move(*file))};
}

} // namespace millrace::feed
