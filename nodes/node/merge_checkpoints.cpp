#include <millrace/nodes/node/merge_checkpoints.hpp>
#include <millrace/persistence/stores/checkpoint_store.hpp>

#include <mutex>

namespace millrace::nodes {

namespace {

constexpr std::string_view state_key = "merge-state";
constexpr std::string_view anchor_key = "merge-anchor";

std::string told_damage(const persistence::checkpoint_store::opened& found) {
  return found.quarantine ? found.reason + "; it is in " + *found.quarantine
                          : std::string{};
}

class merge_checkpoints final : public rt::state_store {
public:
  merge_checkpoints(std::string directory,
                    std::unique_ptr<persistence::checkpoint_store> store,
                    bool is_new, std::string damage)
    : directory_{std::move(directory)}, store_{std::move(store)},
      is_new_{is_new}, damage_{std::move(damage)} {}

  [[nodiscard]] bool is_new() const override { return is_new_; }
  [[nodiscard]] std::string damage() const override { return damage_; }

  result<std::optional<std::vector<std::byte>>> load() override {
    return get(state_key);
  }

  error save(std::span<const std::byte> state) override {
    // What a power cut takes back is rebuilt from out/; what is taken back on
    // purpose must not come again.
    using level = persistence::checkpoint_store::durability;
    return put(state_key, state,
               state.empty() ? level::synced : level::recorded);
  }

  result<std::optional<std::vector<std::byte>>> load_anchor() override {
    return get(anchor_key);
  }

  error save_anchor(std::span<const std::byte> state) override {
    return put(anchor_key, state,
               persistence::checkpoint_store::durability::synced);
  }

private:
  result<std::optional<std::vector<std::byte>>> get(std::string_view key) {
    const std::scoped_lock held{mutex_};
    if (auto fault = open_again())
      return fault;
    auto value = store_->get(key);
    if (!value)
      return value.failure();
    if (!*value)
      return std::optional<std::vector<std::byte>>{};
    const auto* first = reinterpret_cast<const std::byte*>((*value)->data());
    return std::optional{
      std::vector<std::byte>{first, first + (*value)->size()}};
  }

  error put(std::string_view key, std::span<const std::byte> state,
            persistence::checkpoint_store::durability level) {
    const std::scoped_lock held{mutex_};
    if (auto fault = open_again())
      return fault;
    auto fault = store_->put(
      key, {reinterpret_cast<const char*>(state.data()), state.size()}, level);
    // After a refused write RocksDB takes another one for a fault of its owner.
    if (fault)
      store_.reset();
    return fault;
  }

  error open_again() {
    if (store_)
      return {};
    auto opened = persistence::checkpoint_store::open(directory_);
    if (!opened)
      return opened.failure();
    store_ = std::move(opened->store);
    // Told once, as why this call came to nothing.
    return opened->quarantine ? error{errc::corrupt, told_damage(*opened)}
                              : error{};
  }

  const std::string directory_;
  std::mutex mutex_;
  std::unique_ptr<persistence::checkpoint_store> store_;
  const bool is_new_;
  const std::string damage_;
};

} // namespace

result<std::unique_ptr<rt::state_store>>
open_merge_checkpoints(persistence::env& world, const std::string& directory) {
  if (auto fault = world.fs->create_directories(directory);
      fault && fault.code != errc::no_space)
    return fault;
  auto opened = persistence::checkpoint_store::open(directory);
  // A disk that takes nothing may take something later.
  const bool later = !opened
                     && (opened.failure().code == errc::no_space
                         || opened.failure().code == errc::storage_failed);
  if (!opened && !later)
    return opened.failure();
  if (later)
    return std::unique_ptr<rt::state_store>{
      std::make_unique<merge_checkpoints>(directory, nullptr, false, "")};
  return std::unique_ptr<rt::state_store>{std::make_unique<merge_checkpoints>(
    directory, std::move(opened->store), opened->is_new, told_damage(*opened))};
}

} // namespace millrace::nodes
