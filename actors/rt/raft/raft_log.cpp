#include <millrace/actors/rt/raft/raft_log.hpp>
#include <millrace/messages/base/result.hpp>

#include <algorithm>
#include <xxhash.h>

namespace millrace::rt {

bool operator==(const raft_entry& a, const raft_entry& b) noexcept {
  const auto x = a.payload.bytes();
  const auto y = b.payload.bytes();
  return a.term == b.term && a.kind == b.kind && a.members == b.members
         && x.size() == y.size()
         && (x.data() == y.data() || std::equal(x.begin(), x.end(), y.begin()));
}

uint64_t raft_entry::sum() const noexcept {
  const auto all = payload.bytes();
  const auto made = XXH3_64bits_withSeed(all.data(), all.size(),
                                         static_cast<XXH64_hash_t>(kind));
  return made == 0 ? 1 : made;
}

raft_log::raft_log(raft_base base, std::vector<raft_entry> entries)
  : base_{std::move(base)} {
  for (auto& entry : entries)
    append(std::move(entry));
}

std::optional<raft_term> raft_log::term_at(entry_index index) const noexcept {
  if (index == base_.at.index)
    return base_.at.term;
  if (index < base_.at.index || index > last_index())
    return std::nullopt;
  return at(index).term;
}

uint64_t raft_log::sum_at(entry_index index) const noexcept {
  return index > base_.at.index && index <= last_index() ? at(index).sum() : 0;
}

raft_place raft_log::place(entry_index index) const noexcept {
  const auto term = term_at(index);
  MILLRACE_ASSERT(term.has_value());
  return {index, *term};
}

const raft_entry& raft_log::at(entry_index index) const noexcept {
  MILLRACE_ASSERT(index > base_.at.index && index <= last_index());
  return entries_[index.value - base_.at.index.value - 1].entry;
}

std::vector<raft_entry> raft_log::from(entry_index from) const {
  std::vector<raft_entry> out;
  for (auto each = from; each <= last_index(); each = each.next())
    out.push_back(at(each));
  return out;
}

raft_place raft_log::last_at_most(entry_index index,
                                  raft_term term) const noexcept {
  auto each = std::min(index, last_index());
  while (each > base_.at.index && at(each).term > term)
    --each.value;
  return place(std::max(each, base_.at.index));
}

const raft_configuration& raft_log::members() const noexcept {
  return members_at(last_index());
}

entry_index raft_log::members_index() const noexcept {
  return configurations_.empty() ? base_.at.index : configurations_.back();
}

const raft_configuration&
raft_log::members_at(entry_index index) const noexcept {
  MILLRACE_ASSERT(index >= base_.at.index);
  const auto after
    = std::upper_bound(configurations_.begin(), configurations_.end(), index);
  return after == configurations_.begin() ? base_.members
                                          : at(*std::prev(after)).members;
}

uint64_t raft_log::bytes_after(entry_index index) const noexcept {
  if (index >= last_index())
    return 0;
  const auto skipped
    = std::max(index, base_.at.index).value - base_.at.index.value;
  const auto before = skipped > 0
                        ? entries_[skipped - 1].bytes_end
                        : entries_[0].bytes_end - entries_[0].entry.bytes();
  return entries_.back().bytes_end - before;
}

void raft_log::append(raft_entry entry) {
  MILLRACE_ASSERT(entry.term >= last().term);
  const auto before = entries_.empty() ? 0 : entries_.back().bytes_end;
  const auto bytes = entry.bytes();
  const bool names_members = entry.kind == raft_entry_kind::configuration;
  entries_.push_back({std::move(entry), before + bytes});
  if (names_members)
    configurations_.push_back(last_index());
}

void raft_log::cut(entry_index from) {
  MILLRACE_ASSERT(from > base_.at.index);
  while (last_index() >= from)
    entries_.pop_back();
  while (!configurations_.empty() && configurations_.back() >= from)
    configurations_.pop_back();
}

void raft_log::compact(entry_index index) {
  raft_base to{place(index), members_at(index)};
  entries_.erase(entries_.begin(), entries_.begin()
                                     + static_cast<ptrdiff_t>(
                                       index.value - base_.at.index.value));
  configurations_.erase(
    configurations_.begin(),
    std::upper_bound(configurations_.begin(), configurations_.end(), index));
  base_ = std::move(to);
}

void raft_log::restart(raft_base base) {
  base_ = std::move(base);
  entries_.clear();
  configurations_.clear();
}

} // namespace millrace::rt
