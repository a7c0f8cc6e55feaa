#include <millrace/feed/source/archive_source_internal.hpp>

#include <algorithm>
#include <zip.h>

namespace millrace::feed {

namespace {

using persistence::file;

error damaged(const std::string& label, const std::string& what) {
  return {errc::corrupt, label + ": " + what};
}

/// Why libzip does not give something, in our words.
std::string zip_words(zip_error_t* fault) {
  switch (const auto code = zip_error_code_zip(fault)) {
    case ZIP_ER_NOZIP:
      return "it does not end as a zip archive does (cut off?)";
    case ZIP_ER_INCONS:
    case ZIP_ER_MULTIDISK:
      return "its directory does not fit the rest of it, or is of several "
             "files";
    case ZIP_ER_COMPNOTSUPP:
      return "it was packed by a method that is not known here: unpack it, and "
             "feed that";
    case ZIP_ER_ENCRNOTSUPP:
    case ZIP_ER_NOPASSWD:
    case ZIP_ER_WRONGPASSWD:
      return "it is encrypted";
    case ZIP_ER_CRC:
      return "the text fails its checksum";
    case ZIP_ER_EOF:
      return "it ends too early";
    case ZIP_ER_ZLIB:
    case ZIP_ER_COMPRESSED_DATA:
      return "its bytes are not sound";
    case ZIP_ER_MEMORY:
      return "there is no memory to unpack it";
    default:
      return "it cannot be unpacked (" + std::to_string(code) + " of libzip)";
  }
}

/// Hands the bytes of a file to libzip. libzip owns and frees it.
struct zip_input {
  std::unique_ptr<file> from;
  uint64_t size = 0;
  uint64_t at = 0;
  error failure; ///< The last fault of the file.
  zip_error_t state{};

  static zip_int64_t call(void* self, void* data, zip_uint64_t length,
                          zip_source_cmd_t command) {
    return static_cast<zip_input*>(self)->run(data, length, command);
  }

  zip_int64_t run(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
          ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
          ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
          ZIP_SOURCE_SUPPORTS, -1);
      case ZIP_SOURCE_OPEN:
        at = 0;
        return 0;
      case ZIP_SOURCE_CLOSE:
        return 0;
      case ZIP_SOURCE_READ:
        return read(data, length);
      case ZIP_SOURCE_SEEK: {
        const auto to
          = zip_source_seek_compute_offset(at, size, data, length, &state);
        if (to < 0)
          return -1;
        at = static_cast<uint64_t>(to);
        return 0;
      }
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(at);
      case ZIP_SOURCE_STAT: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->size = size;
        stat->valid = ZIP_STAT_SIZE;
        return sizeof *stat;
      }
      case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&state, data, length);
      case ZIP_SOURCE_FREE:
        delete this;
        return 0;
      default:
        zip_error_set(&state, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
  }

  zip_int64_t read(void* data, zip_uint64_t length) {
    const auto got = from->read_at(
      at, {static_cast<std::byte*>(data), static_cast<size_t>(length)});
    if (!got) {
      failure = got.failure();
      zip_error_set(&state, ZIP_ER_READ, 0);
      return -1;
    }
    at += *got;
    return static_cast<zip_int64_t>(*got);
  }
};

/// An open archive and its bytes.
class archive {
public:
  static result<std::unique_ptr<archive>> open(persistence::file_system& fs,
                                               const std::string& path) {
    auto opened = fs.open(path, persistence::open_mode::read);
    if (!opened)
      return opened.failure();
    const auto size = (*opened)->size();
    if (!size)
      return size.failure();
    auto* input = new zip_input;
    input->from = std::move(*opened);
    input->size = *size;
    zip_error_t fault;
    zip_error_init(&fault);
    auto* from = zip_source_function_create(zip_input::call, input, &fault);
    if (!from) {
      delete input;
      return error{errc::internal, path + ": " + text_of(fault)};
    }
    auto* opened_zip = zip_open_from_source(from, ZIP_RDONLY, &fault);
    if (!opened_zip) {
      auto read_fault = input->failure;
      auto why = text_of(fault);
      zip_source_free(from);
      return read_fault ? read_fault
                        : damaged(path, "not a sound zip archive: " + why);
    }
    return std::unique_ptr<archive>{new archive{opened_zip, input}};
  }

  ~archive() { zip_discard(zip_); }
  archive(const archive&) = delete;
  archive& operator=(const archive&) = delete;

  [[nodiscard]] zip_t* get() const noexcept { return zip_; }
  [[nodiscard]] const error& read_failure() const { return input_->failure; }

  static std::string text_of(zip_error_t& fault) {
    auto text = zip_words(&fault);
    zip_error_fini(&fault);
    return text;
  }

private:
  archive(zip_t* zip, zip_input* input) : zip_{zip}, input_{input} {}

  zip_t* zip_;
  zip_input* input_;
};

class zip_source_member : public source {
public:
  zip_source_member(std::unique_ptr<archive> from, zip_file_t* member,
                    std::string label)
    : archive_{std::move(from)}, member_{member}, label_{std::move(label)} {}
  ~zip_source_member() override { zip_fclose(member_); }
  zip_source_member(const zip_source_member&) = delete;
  zip_source_member& operator=(const zip_source_member&) = delete;

  result<size_t> read(std::span<std::byte> into) override {
    const auto got = zip_fread(member_, into.data(), into.size());
    if (got < 0) {
      if (archive_->read_failure())
        return archive_->read_failure();
      return damaged(label_, "the compressed data is damaged after byte "
                               + std::to_string(at_) + " of the text: "
                               + zip_words(zip_file_get_error(member_)));
    }
    at_ += static_cast<uint64_t>(got);
    return static_cast<size_t>(got);
  }

  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

private:
  std::unique_ptr<archive> archive_;
  zip_file_t* member_;
  std::string label_;
  uint64_t at_ = 0;
};

/// What packers of other systems add, and no one means.
bool is_of_packer(std::string_view member) {
  return member.starts_with("__MACOSX/") || member == ".DS_Store"
         || member.ends_with("/.DS_Store");
}

/// Whether a part of its path begins with a dot. "." and ".." are ways to a
/// file, and no names; some packers of Windows write '\\' between parts.
bool is_hidden(std::string_view member) {
  for (size_t at = 0; at < member.size();) {
    const auto end = std::min(member.find_first_of("/\\", at), member.size());
    const auto part = member.substr(at, end - at);
    if (part.starts_with('.') && part != "." && part != "..")
      return true;
    at = end + 1;
  }
  return false;
}

} // namespace

result<zip_members> list_zip(persistence::file_system& fs,
                             const std::string& path) {
  auto opened = archive::open(fs, path);
  if (!opened)
    return opened.failure();
  zip_members out;
  const auto count = zip_get_num_entries((*opened)->get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index((*opened)->get(), static_cast<zip_uint64_t>(i), 0, &stat)
          != 0
        || (stat.valid & ZIP_STAT_NAME) == 0)
      return damaged(path, "member " + std::to_string(i) + " cannot be read");
    source_info info;
    info.path = path;
    info.member = stat.name;
    if (info.member.ends_with('/') || is_of_packer(info.member))
      continue;
    if (is_hidden(info.member)) {
      out.left_out.push_back(std::move(info.member));
      continue;
    }
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0
        && stat.encryption_method != ZIP_EM_NONE)
      return error{errc::bad_data, info.label() + ": is encrypted"};
    info.kind = source_kind::zip_member;
    info.total_bytes = (stat.valid & ZIP_STAT_SIZE) != 0 ? stat.size : 0;
    info.index = static_cast<uint64_t>(i);
    out.read.push_back(std::move(info));
  }
  std::sort(out.read.begin(), out.read.end(),
            [](const source_info& a, const source_info& b) {
              return a.member < b.member;
            });
  std::sort(out.left_out.begin(), out.left_out.end());
  return out;
}

result<std::unique_ptr<source>> open_zip_member(persistence::file_system& fs,
                                                const source_info& info) {
  auto opened = archive::open(fs, info.path);
  if (!opened)
    return opened.failure();
  auto* member = zip_fopen_index((*opened)->get(), info.index, 0);
  if (!member)
    return damaged(info.label(), zip_words(zip_get_error((*opened)->get())));
  return std::unique_ptr<source>{std::make_unique<zip_source_member>(
    std::move(*opened), member, info.label())};
}

} // namespace millrace::feed
