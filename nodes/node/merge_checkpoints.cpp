#include <millrace/nodes/node/merge_checkpoints.hpp>
#include <millrace/persistence/stores/checkpoint_store.hpp>

namespace millrace::nodes {

namespace {

constexpr std::string_view state_key = "merge-state";
constexpr std::string_view anchor_key = "merge-anchor";

class merge_checkpoints final : public rt::state_store {
public:
  explicit merge_checkpoints(
    std::unique_ptr<persistence::checkpoint_store> store)
    : store_{std::move(store)} {}

  result<std::optional<std::vector<std::byte>>> load() override {
    return get(state_key);
  }

  error save(std::span<const std::byte> state) override {
    // What a power cut takes back is rebuilt from out/.
    return put(state_key, state,
               persistence::checkpoint_store::durability::recorded);
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
    persistence::checkpoint_store::batch changes;
    changes.put(key,
                {reinterpret_cast<const char*>(state.data()), state.size()});
    return store_->write(changes, level);
  }

  std::unique_ptr<persistence::checkpoint_store> store_;
};

} // namespace

result<std::unique_ptr<rt::state_store>>
open_merge_checkpoints(persistence::env& world, const std::string& directory) {
  if (auto fault = world.fs->create_directories(directory))
    return fault;
  auto opened = persistence::checkpoint_store::open(directory);
  if (!opened)
    return opened.failure();
  return std::unique_ptr<rt::state_store>{
    std::make_unique<merge_checkpoints>(std::move(opened->store))};
}

} // namespace millrace::nodes
