#include <millrace/sim/world/checkpoint_history.hpp>

#include <utility>

namespace millrace::sim {

class checkpoint_history::store final : public rt::state_store {
public:
  explicit store(checkpoint_history& history) : history_{history} {}
  result<std::optional<std::vector<std::byte>>> load() override {
    if (history_.saved_.empty())
      return std::optional<std::vector<std::byte>>{};
    return std::optional{history_.saved_.back()};
  }
  error save(std::span<const std::byte> state) override {
    history_.saved_.emplace_back(state.begin(), state.end());
    if (history_.saved_.size() > 8)
      history_.saved_.pop_front();
    return {};
  }
  result<std::optional<std::vector<std::byte>>> load_anchor() override {
    return history_.anchor_;
  }
  error save_anchor(std::span<const std::byte> state) override {
    history_.anchor_.emplace(state.begin(), state.end());
    return {};
  }

private:
  checkpoint_history& history_;
};

std::unique_ptr<rt::state_store>
checkpoint_history::open(uint64_t boot_id,
                         const std::function<uint64_t(uint64_t)>& draw) {
  if (std::exchange(boot_, boot_id) != boot_id)
    saved_.resize(draw(saved_.size() + 1));
  return std::make_unique<store>(*this);
}

} // namespace millrace::sim
