#pragma once

#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/parse/batch_source.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace millrace::feed {

/// A made-up market, whose periods end by themselves.
class generated_source final : public batch_source {
public:
  generated_source(generator_options options,
                   std::shared_ptr<batch_source_counters> counters)
    : options_{std::move(options)}, counters_{std::move(counters)} {}

  error open(const std::vector<source_cursor>& published) override;
  result<std::optional<parsed_batch>> next() override;
  std::optional<int64_t> period_over() override;

private:
  generator_options options_;
  int32_t date_ = null_int;
  std::optional<int64_t> over_;
  std::shared_ptr<batch_source_counters> counters_;
  std::optional<generator> made_;
};

} // namespace millrace::feed
