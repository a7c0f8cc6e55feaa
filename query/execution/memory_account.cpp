#include <millrace/query/execution/memory_account.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

/// Adds `bytes` to what is held unless that makes more than `most`.
bool take_of(std::atomic<uint64_t>& held, uint64_t most,
             uint64_t bytes) noexcept {
  auto before = held.load(std::memory_order_relaxed);
  do {
    if (most != 0 && (bytes > most || before > most - bytes))
      return false;
  } while (!held.compare_exchange_weak(before, before + bytes,
                                       std::memory_order_relaxed));
  return true;
}

/// Takes so many bytes off what is held, or all. @returns how many
uint64_t take_back(std::atomic<uint64_t>& held, uint64_t bytes) noexcept {
  auto before = held.load(std::memory_order_relaxed);
  uint64_t less;
  do
    less = std::min(before, bytes);
  while (!held.compare_exchange_weak(before, before - less,
                                     std::memory_order_relaxed));
  return less;
}

} // namespace

bool questions_memory::take(uint64_t bytes) noexcept {
  return take_of(held_, most_, bytes);
}

void questions_memory::give_back(uint64_t bytes) noexcept {
  held_.fetch_sub(bytes, std::memory_order_relaxed);
}

memory_account::~memory_account() {
  if (limits_.of_node)
    limits_.of_node->give_back(held());
}

error memory_account::take(uint64_t bytes) {
  const auto whose = limits_.process.empty() ? "" : limits_.process + ": ";
  if (!take_of(held_, limits_.most, bytes))
    return {errc::limit_exceeded, whose + subject_ + " needs more than "
                                    + std::to_string(limits_.most)
                                    + " bytes of memory (" + limits_.key + ")"};
  const auto& node = limits_.of_node;
  if (node && !node->take(bytes)) {
    const auto own = held_.fetch_sub(bytes, std::memory_order_relaxed) - bytes;
    if (bytes > node->most() || own > node->most() - bytes)
      return {errc::limit_exceeded,
              whose + subject_ + " needs more than "
                + std::to_string(node->most())
                + " bytes of memory, which all queries together may hold there "
                  "(queries_memory_max of '"
                + node->process() + "'): ask for less"};
    const auto all = node->held();
    return {errc::overloaded,
            whose + subject_ + " holds " + std::to_string(own) + " and needs "
              + std::to_string(bytes) + " bytes of memory more, other queries "
              + "there hold " + std::to_string(all - std::min(all, own))
              + ", and all together may hold " + std::to_string(node->most())
              + " (queries_memory_max of '" + node->process()
              + "'): ask again when others are done"};
  }
  const auto now = held();
  auto most = most_held();
  while (most < now
         && !most_held_.compare_exchange_weak(most, now,
                                              std::memory_order_relaxed)) {
  }
  return {};
}

void memory_account::give_back(uint64_t bytes) noexcept {
  const auto less = take_back(held_, bytes);
  if (limits_.of_node)
    limits_.of_node->give_back(less);
}

error held_memory::set(uint64_t bytes) {
  if (!of_)
    return {};
  const auto before = held();
  if (bytes > before) {
    if (auto refused = of_->take(bytes - before))
      return refused;
    bytes_ += bytes - before;
  } else {
    shrink(before - bytes);
  }
  return {};
}

void held_memory::shrink(uint64_t bytes) noexcept {
  const auto less = take_back(bytes_, bytes);
  if (of_ && less != 0)
    of_->give_back(less);
}

} // namespace millrace::query
