#include <millrace/feed/generate/generated_source.hpp>

#include <utility>

namespace millrace::feed {

error generated_source::open(const std::vector<source_cursor>& published) {
  auto made = generator::open(options_, published);
  if (!made)
    return made.failure();
  made_.emplace(*std::move(made));
  counters_->total_bytes = made_->rows_total();
  return {};
}

result<std::optional<parsed_batch>> generated_source::next() {
  auto batch = made_->next();
  counters_->bytes = made_->rows();
  if (!batch)
    return std::optional<parsed_batch>{};
  if (batch->date != date_ && batch->date_before != null_int)
    over_ = batch->date_before;
  date_ = batch->date;
  return std::optional{std::move(batch->batch)};
}

std::optional<int64_t> generated_source::period_over() {
  return std::exchange(over_, std::nullopt);
}

} // namespace millrace::feed
