#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/kdb/kdb_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// What a column of a splayed table holds, by the types of q. Those of
/// fixed width have the numbers of column_type.
enum kdb_type : uint8_t {
  kdb_datetime = 15,   ///< float64 days since 2000.01.01.
  kdb_enumerated = 20, ///< Codes of symbols.
  kdb_texts = 87,      ///< Lists of chars.
};

/// The name that q has for a type, as "long"; of another number "type <n>".
[[nodiscard]] std::string kdb_type_name(uint8_t type);

/// One column of a splayed table of kdb+, compressed or not, of any release
/// since 3.0: simple lists, enumerations of 32 and of 64 bits, lists of chars
/// (with the file `<name>#` beside it). Faults name path and byte: `corrupt`,
/// and `unsupported` for what no table here can hold. One owner.
class kdb_column {
public:
  /// Reads the header.
  [[nodiscard]] static result<kdb_column> open(file_system& fs,
                                               std::string path);

  [[nodiscard]] const std::string& path() const noexcept {
    return bytes_.path();
  }
  [[nodiscard]] uint8_t type() const noexcept { return type_; }
  /// 0 none, 1 sorted, 2 unique, 3 parted, 4 grouped.
  [[nodiscard]] uint8_t attribute() const noexcept { return attribute_; }
  /// Of an enumeration: name of the file that has its symbols.
  [[nodiscard]] const std::string& domain() const noexcept { return domain_; }
  /// Bytes of a value, of a code, or of a list's end.
  [[nodiscard]] uint32_t width() const noexcept { return width_; }
  /// None: the file does not say, for q leaves the number out when it
  /// compresses, and an index follows the values.
  [[nodiscard]] std::optional<uint64_t> rows() const noexcept { return rows_; }
  /// Bytes of values and texts.
  [[nodiscard]] uint64_t byte_count() const noexcept;

  /// What the other columns of the table have. `corrupt` when this one has
  /// others.
  [[nodiscard]] error settle_rows(uint64_t rows);

  /// Values of rows [begin, begin + count), `width` bytes each, as they are on
  /// disk. @pre rows are settled
  [[nodiscard]] error read(uint64_t begin, uint64_t count,
                           std::vector<std::byte>& into);
  /// The same as codes of 64 bits; what no domain has is the null, or
  /// `corrupt`. @pre an enumeration
  [[nodiscard]] error read_codes(uint64_t begin, uint64_t count,
                                 uint64_t symbols, std::vector<int64_t>& into);
  /// Lists of chars: `ends` gets where each ends in `text`.
  [[nodiscard]] error read_texts(uint64_t begin, uint64_t count,
                                 uint64_t bytes_max, std::string& text,
                                 std::vector<uint64_t>& ends);

private:
  explicit kdb_column(kdb_bytes bytes) : bytes_{std::move(bytes)} {}

  [[nodiscard]] error read_header(file_system& fs);
  [[nodiscard]] error take_list(std::span<const std::byte> header,
                                uint64_t offset);
  [[nodiscard]] error take_old_enumeration(std::span<const std::byte> header);
  [[nodiscard]] error take_paged(std::span<const std::byte> header);
  [[nodiscard]] error take_count(uint64_t count, uint64_t values);

  kdb_bytes bytes_;
  std::optional<kdb_bytes> texts_; ///< Of the file with '#'.
  uint8_t type_ = 0;
  uint8_t attribute_ = 0;
  uint32_t width_ = 0;
  uint64_t values_ = 0; ///< Offset of the first.
  std::string domain_;
  std::optional<uint64_t> rows_;
  std::vector<std::byte> scratch_;
};

/// A code of an enumeration that stands for the null symbol.
inline constexpr int64_t kdb_null_code = -1;

} // namespace millrace::persistence
