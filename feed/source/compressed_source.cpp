#include <millrace/feed/source/archive_source_internal.hpp>

#include <algorithm>
#include <array>
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace millrace::feed {

namespace {

/// Bytes that wait for a codec, and room for what it makes of them.
struct codec_step {
  const std::byte* in = nullptr;
  size_t in_left = 0;
  std::byte* out = nullptr;
  size_t out_left = 0;
};

enum class codec_state : uint8_t {
  more,    ///< Inside of a member.
  between, ///< After a member, before the next one or the end.
  damaged,
};

/// Lets a codec of the usual form work: `run` makes its status of its stream.
template <class Stream, class Run>
auto run_stream(Stream& stream, codec_step& at, Run run) {
  stream.next_in
    = reinterpret_cast<decltype(stream.next_in)>(const_cast<std::byte*>(at.in));
  stream.avail_in = static_cast<decltype(stream.avail_in)>(at.in_left);
  stream.next_out = reinterpret_cast<decltype(stream.next_out)>(at.out);
  stream.avail_out = static_cast<decltype(stream.avail_out)>(at.out_left);
  const auto status = run(&stream);
  at.in += at.in_left - stream.avail_in;
  at.in_left = stream.avail_in;
  at.out += at.out_left - stream.avail_out;
  at.out_left = stream.avail_out;
  return status;
}

/// Why data cannot be unpacked, in words that are the same for all packers.
constexpr const char* not_sound
  = "its bytes are not sound, or fail their checksum";
constexpr const char* not_known
  = "it was packed in a way that is not known here: unpack it, and feed that";
constexpr const char* no_memory = "there is no memory to unpack it";

/// Zeroes pad some files to a block. @returns whether nothing else is there
bool skip_padding(codec_step& at) {
  while (at.in_left != 0 && *at.in == std::byte{0}) {
    ++at.in;
    --at.in_left;
  }
  return at.in_left == 0;
}

/// Gzip members, one after the other; zeroes may pad the last one to a block.
class gzip_codec {
public:
  gzip_codec() {
    // 15 bits of window, and 16 for a gzip header.
    good_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~gzip_codec() {
    if (good_)
      inflateEnd(&stream_);
  }
  gzip_codec(const gzip_codec&) = delete;
  gzip_codec& operator=(const gzip_codec&) = delete;

  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] const char* reason() const {
    return began_ ? not_sound : "what follows does not begin as gzip data do";
  }

  codec_state step(codec_step& at) {
    if (between_) {
      if (skip_padding(at))
        return codec_state::between;
      inflateReset(&stream_);
      between_ = false;
      began_ = false;
    }
    const auto status = run_stream(
      stream_, at, [](z_stream* all) { return inflate(all, Z_NO_FLUSH); });
    began_ = began_ || status == Z_OK || status == Z_BUF_ERROR
             || stream_.total_out != 0;
    between_ = status == Z_STREAM_END;
    return between_                                  ? codec_state::between
           : status == Z_OK || status == Z_BUF_ERROR ? codec_state::more
                                                     : codec_state::damaged;
  }

private:
  z_stream stream_{};
  bool began_ = false; ///< The header is one.
  bool good_ = false;
  bool between_ = false;
};

/// Bzip2 streams, one after the other, as parallel packers write them.
class bzip2_codec {
public:
  bzip2_codec() { good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~bzip2_codec() {
    if (good_)
      BZ2_bzDecompressEnd(&stream_);
  }
  bzip2_codec(const bzip2_codec&) = delete;
  bzip2_codec& operator=(const bzip2_codec&) = delete;

  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] const char* reason() const {
    return status_ == BZ_DATA_ERROR_MAGIC
             ? "what follows does not begin as bzip2 data do"
           : status_ == BZ_MEM_ERROR ? no_memory
                                     : not_sound;
  }

  codec_state step(codec_step& at) {
    if (between_) {
      if (at.in_left == 0)
        return codec_state::between;
      BZ2_bzDecompressEnd(&stream_);
      stream_ = {};
      good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
      if (!good_)
        return codec_state::damaged;
      between_ = false;
    }
    status_ = run_stream(stream_, at, BZ2_bzDecompress);
    between_ = status_ == BZ_STREAM_END;
    return between_           ? codec_state::between
           : status_ == BZ_OK ? codec_state::more
                              : codec_state::damaged;
  }

private:
  bz_stream stream_{};
  int status_ = BZ_OK;
  bool good_ = false;
  bool between_ = false;
};

/// Xz streams, one after the other, with padding of zeroes.
class xz_codec {
public:
  xz_codec() { good_ = start(); }
  ~xz_codec() { lzma_end(&stream_); }
  xz_codec(const xz_codec&) = delete;
  xz_codec& operator=(const xz_codec&) = delete;

  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] const char* reason() const {
    return status_ == LZMA_FORMAT_ERROR
             ? "what follows does not begin as xz data do"
           : status_ == LZMA_OPTIONS_ERROR ? not_known
           : status_ == LZMA_MEM_ERROR     ? no_memory
                                           : not_sound;
  }

  codec_state step(codec_step& at) {
    if (between_) {
      if (skip_padding(at))
        return codec_state::between;
      if (!start())
        return codec_state::damaged;
      between_ = false;
    }
    status_ = run_stream(
      stream_, at, [](lzma_stream* all) { return lzma_code(all, LZMA_RUN); });
    between_ = status_ == LZMA_STREAM_END;
    return between_ ? codec_state::between
           : status_ == LZMA_OK || status_ == LZMA_BUF_ERROR
             ? codec_state::more
             : codec_state::damaged;
  }

private:
  bool start() {
    return lzma_stream_decoder(&stream_, UINT64_MAX, 0) == LZMA_OK;
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
  lzma_ret status_ = LZMA_OK;
  bool good_ = false;
  bool between_ = false;
};

/// Zstandard frames, one after the other.
class zstd_codec {
public:
  zstd_codec() : context_{ZSTD_createDCtx()} {}
  ~zstd_codec() { ZSTD_freeDCtx(context_); }
  zstd_codec(const zstd_codec&) = delete;
  zstd_codec& operator=(const zstd_codec&) = delete;

  [[nodiscard]] bool good() const noexcept { return context_ != nullptr; }
  [[nodiscard]] const char* reason() const {
    switch (ZSTD_getErrorCode(status_)) {
      case ZSTD_error_prefix_unknown:
        return "what follows does not begin as Zstandard data do";
      case ZSTD_error_dictionary_wrong:
        return "it was packed with a dictionary, and none can be given here";
      case ZSTD_error_frameParameter_windowTooLarge:
        return "it was packed with a window of more than 128 MiB (--long): "
               "unpack it, and feed that";
      case ZSTD_error_frameParameter_unsupported:
      case ZSTD_error_version_unsupported:
        return not_known;
      case ZSTD_error_memory_allocation:
        return no_memory;
      default:
        return not_sound;
    }
  }

  codec_state step(codec_step& at) {
    if (between_ && at.in_left == 0)
      return codec_state::between;
    ZSTD_inBuffer in{at.in, at.in_left, 0};
    ZSTD_outBuffer out{at.out, at.out_left, 0};
    status_ = ZSTD_decompressStream(context_, &out, &in);
    at.in += in.pos;
    at.in_left -= in.pos;
    at.out += out.pos;
    at.out_left -= out.pos;
    if (ZSTD_isError(status_) != 0)
      return codec_state::damaged;
    between_ = status_ == 0;
    return between_ ? codec_state::between : codec_state::more;
  }

private:
  ZSTD_DCtx* context_;
  size_t status_ = 0;
  bool between_ = false;
};

template <class Codec>
class compressed_source final : public source {
public:
  compressed_source(std::unique_ptr<source> from, std::string label)
    : from_{std::move(from)}, label_{std::move(label)} {}

  [[nodiscard]] bool good() const noexcept { return codec_.good(); }

  result<size_t> read(std::span<std::byte> into) override {
    codec_step at{next_, left_, into.data(),
                  std::min<size_t>(into.size(), size_t{1} << 30)};
    const auto* begin = at.out;
    while (at.out == begin) {
      if (at.in_left == 0 && !pending_) {
        const auto got = from_->read(buffer_);
        if (!got)
          return got.failure();
        at.in = buffer_.data();
        at.in_left = *got;
        taken_ += *got;
        if (*got == 0)
          return between_ ? result<size_t>{size_t{0}} : ends_early();
      }
      const auto state = codec_.step(at);
      // It may hold more than there was room for.
      pending_ = at.out_left == 0;
      next_ = at.in;
      left_ = at.in_left;
      if (state == codec_state::damaged)
        return damaged();
      between_ = state == codec_state::between;
    }
    return static_cast<size_t>(at.out - begin);
  }

  [[nodiscard]] uint64_t progress() const noexcept override {
    return from_->progress();
  }

private:
  result<size_t> ends_early() const {
    return error{errc::corrupt,
                 label_ + ": the compressed data ends too early, at byte "
                   + std::to_string(taken_)};
  }
  result<size_t> damaged() const {
    return error{errc::corrupt,
                 label_ + ": the compressed data is damaged before byte "
                   + std::to_string(taken_ - left_) + ": " + codec_.reason()};
  }

  std::unique_ptr<source> from_;
  std::string label_;
  Codec codec_;
  bool between_ = false;
  bool pending_ = false;
  uint64_t taken_ = 0;              ///< Bytes of what is compressed.
  const std::byte* next_ = nullptr; ///< Of the buffer, not yet consumed.
  size_t left_ = 0;
  std::array<std::byte, 64 * 1024> buffer_;
};

template <class Codec>
result<std::unique_ptr<source>> made_of(std::unique_ptr<source> from,
                                        const std::string& label) {
  auto made
    = std::make_unique<compressed_source<Codec>>(std::move(from), label);
  if (!made->good())
    return error{errc::internal, label + ": the decompressor did not start"};
  return std::unique_ptr<source>{std::move(made)};
}

} // namespace

result<std::unique_ptr<source>> open_compressed(std::unique_ptr<source> from,
                                                source_kind kind,
                                                const std::string& label) {
  switch (kind) {
    case source_kind::gzip:
      return made_of<gzip_codec>(std::move(from), label);
    case source_kind::bzip2:
      return made_of<bzip2_codec>(std::move(from), label);
    case source_kind::xz:
      return made_of<xz_codec>(std::move(from), label);
    default:
      return made_of<zstd_codec>(std::move(from), label);
  }
}

} // namespace millrace::feed
