#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/query/plan/plan.hpp>

#include <string>
#include <vector>

namespace millrace::torq {

/// What a stream lost among the rows that a plan asks for, of those that were
/// written down: losses in the ranges of parts whose rows the plan's times
/// meet, or whose date or period they meet or come next to; of losses of no
/// place at the stream's begin, any date up to the period. A line each, in
/// their order, ten at most.
/// @param table that the plan is for; nullptr: its dates are not known
[[nodiscard]] std::vector<std::string>
losses_among(const persistence::hdb_manifest& manifest,
             const query::logical_plan& plan, const std::string& stream,
             const table_schema* table);

} // namespace millrace::torq
