#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/memory/stable_array.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// The append-only dictionary of one symbol column of an rdb. One writer; any
/// thread may look up while it grows. Texts and entries never move: this is
/// more than text::interner does, and costs it in atomics and memory.
class growing_dictionary {
public:
  /// More symbols than this are refused: codes stay within 31 bits.
  static constexpr uint32_t symbols_max = uint32_t{1} << 31;

  growing_dictionary();
  growing_dictionary(const growing_dictionary&) = delete;
  growing_dictionary& operator=(const growing_dictionary&) = delete;

  /// Writer only: the code of `symbol`, new if need be.
  uint32_t insert(std::string_view symbol);

  /// Writer only: codes of all entries of a batch's own dictionary, in order.
  void insert_all(const batch_column& column, std::vector<uint32_t>& codes);

  /// Symbols known now, the null symbol included.
  [[nodiscard]] uint32_t size() const noexcept {
    return size_.load(std::memory_order_acquire);
  }
  /// @pre `code` is below a size that the caller has seen.
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept {
    const auto& e = entries_[code];
    return {e.data, e.size};
  }
  [[nodiscard]] std::optional<uint32_t>
  find(std::string_view symbol) const noexcept;

  /// Bytes allocated. Writer only.
  [[nodiscard]] size_t byte_count() const noexcept;

private:
  struct entry {
    const char* data = "";
    uint32_t size = 0;
  };
  /// Open addressing; a slot is (upper half of the hash) << 32 | code + 1.
  struct hash_table {
    explicit hash_table(size_t slot_count);
    size_t mask;
    std::unique_ptr<std::atomic<uint64_t>[]> slots;
  };

  uint32_t insert_hashed(std::string_view symbol, uint64_t hash);
  const char* keep(std::string_view text);
  void grow();

  stable_array<entry> entries_;
  std::atomic<uint32_t> size_{0};
  std::atomic<const hash_table*> table_;
  /// Old tables stay, since a reader may still probe them: together they are
  /// no larger than the newest.
  std::vector<std::unique_ptr<hash_table>> tables_;
  std::vector<std::unique_ptr<char[]>> texts_;
  size_t text_room_ = 0;
  char* text_next_ = nullptr;
  size_t text_bytes_ = 0;
  std::vector<uint64_t> hashes_; ///< Scratch of insert_all.
};

/// The first `size` symbols of a growing dictionary: what one snapshot sees.
class dictionary_prefix final : public symbol_dictionary {
public:
  dictionary_prefix(std::shared_ptr<const growing_dictionary> all,
                    uint32_t size)
    : all_{std::move(all)}, size_{size} {}

  [[nodiscard]] uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept override {
    return all_->text(code);
  }
  [[nodiscard]] std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override;

private:
  std::shared_ptr<const growing_dictionary> all_;
  uint32_t size_;
};

} // namespace millrace::persistence
