#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/world/stream_checker.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/table_rows.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <utility>

namespace millrace::sim {

using namespace std::chrono_literals;

namespace {

std::atomic<world::failure_sink> failures_go_to{nullptr};

} // namespace

void world::report_failures_to(failure_sink sink) noexcept {
  failures_go_to = sink;
}

void world::fail(const std::string& what) {
  failures_.push_back(what);
  mark({}, "FAILED: " + what);
  if (const auto sink = failures_go_to.load())
    return sink(*this, what);
  std::fprintf(stderr, "millrace::sim: seed %llu: %s\n",
               static_cast<unsigned long long>(seed_), what.c_str());
  std::abort();
}

// -- the record ---------------------------------------------------------------

void world::note(const std::string& node, const std::string& what) {
  count_use();
  record_.push_back({now(), node, what});
}

/// @returns how long it lived, up to now
duration world::count_use() {
  used_for_ += std::min(now() - used_at_, idle_max);
  used_at_ = now();
  return used_for_;
}

/// What nobody can do without who wants to know why a run failed.
void world::mark(const std::string& node, const std::string& what) {
  count_use();
  record_.push_back({now(), node, what, true});
}

void world::keep_record() { recorded_runs::keep(std::move(record_)); }

std::string world::story() const {
  return "a world of seed " + std::to_string(seed_) + "\n"
         + recorded_runs::timeline_of(record_);
}

void node::tell(const nodes::notice& what) {
  if (!alive_ && what.id == "threw")
    return; // A crash leaves the handlers of what crashes by an exception.
  notices_.push_back(what);
  const auto level = what.level == nodes::notice::severity::error     ? "ERR "
                     : what.level == nodes::notice::severity::warning ? "WRN "
                                                                      : "";
  auto text = level + what.id + ": " + what.text;
  if (what.process != name_)
    text = what.process + " " + text;
  world_->note(name_, text);
  // Code of a user that throws where no actor dies by it.
  if (what.level == nodes::notice::severity::error && what.id == "threw")
    world_->defect(number_, text);
}

// -- expectations -------------------------------------------------------------

bool world::eventually(duration limit, const std::function<bool()>& holds) {
  const auto end = now() + limit;
  while (!holds()) {
    if (now() >= end)
      return false;
    run_for(std::min<duration>(20ms, end - now()));
  }
  return true;
}

// -- what must be there -------------------------------------------------------

namespace {

using counts = std::map<std::string, uint64_t>;
using accounts = std::map<std::string, table_publisher::account>;

/// Holds what was found in one place against what was published.
void compare(const std::string& where, const counts& found,
             const accounts& published, bool others_publish,
             std::vector<std::string>& broken) {
  const auto times = [](uint64_t count) {
    return std::to_string(count) + (count == 1 ? " time" : " times");
  };
  for (const auto& [row, sum] : published) {
    const auto seen = found.contains(row) ? found.at(row) : 0;
    if (seen < sum.promised)
      broken.push_back(where + ": " + shortened(row) + " is there "
                       + times(seen) + ", and was promised "
                       + times(sum.promised));
    if (seen > sum.attempted)
      broken.push_back(where + ": " + shortened(row) + " is there "
                       + times(seen) + ", and was published "
                       + times(sum.attempted));
  }
  for (const auto& [row, seen] : found)
    if (!others_publish && !published.contains(row))
      broken.push_back(where + ": " + shortened(row) + " was never published");
}

/// Who publishes rows of which the world was not told.
struct others {
  bool of_the_file = false;
  std::function<std::string()> strangers; ///< Costs.
};

/// The same; rows of strangers cannot be judged, and that is said instead.
void judge(const std::string& where, const counts& found,
           const accounts& published, const others& besides,
           std::vector<std::string>& broken) {
  const auto before = broken.size();
  compare(where, found, published, besides.of_the_file, broken);
  if (broken.size() == before)
    return;
  const auto strangers = besides.strangers();
  if (strangers.empty())
    return;
  broken.resize(before);
  compare(where, found, published, true, broken);
  broken.push_back(where + ": has rows of " + strangers
                   + ", of which the world knows nothing: add_ledger tells it "
                     "what that publishes");
}

/// Rows of a table in a merged log, in order. @param origins of them
result<std::vector<std::string>>
rows_in(persistence::file_system& fs, const std::string& directory,
        const table_schema& schema,
        std::set<std::string, std::less<>>* origins = nullptr) {
  std::vector<std::string> out;
  auto fault = for_each_batch(
    fs, directory,
    [&](position, std::string_view origin, const batch_view& batch) {
      if (batch.table != schema.name)
        return;
      for (uint32_t row = 0; row < batch.row_count; ++row)
        out.push_back(row_text(schema, batch, row));
      if (origins != nullptr && !origins->contains(origin))
        origins->emplace(origin);
    });
  if (fault)
    return fault;
  return out;
}

/// What holds of every merged log: ids of an origin ascend, and periods do.
void check_order(persistence::file_system& fs, const std::string& where,
                 const std::string& directory,
                 std::vector<std::string>& broken) {
  auto reader = persistence::log_reader::open(fs, {.directory = directory}, {});
  if (!reader)
    return broken.push_back(where + ": " + to_string(reader.failure()));
  std::map<std::string, uint64_t, std::less<>> last_ids;
  std::optional<period_id> last_period;
  for (;;) {
    auto got = (*reader)->next();
    if (!got)
      return broken.push_back(where + ": " + to_string(got.failure()));
    if (std::holds_alternative<persistence::log_end>(*got))
      return;
    const auto* item = std::get_if<persistence::log_message>(&*got);
    if (item == nullptr)
      continue;
    const auto& frame = item->frame;
    if (item->kind == persistence::record_kind::messages) {
      auto& last = last_ids[std::string{frame.header.on}];
      const auto id = magnitude(frame.header.id);
      if (id <= last)
        broken.push_back(where + ": id " + std::to_string(id) + " of "
                         + std::string{frame.header.on} + " comes after "
                         + std::to_string(last));
      last = id;
    } else if (item->kind == persistence::record_kind::marker) {
      const auto marker = decode_end_of_period(frame.payload);
      if (!marker || (last_period && marker->period <= *last_period))
        broken.push_back(where + ": the end of a period at "
                         + to_string(item->end) + " is not later than the one "
                         + "before it");
      if (marker)
        last_period = marker->period;
    }
  }
}

counts counted(const std::vector<std::string>& rows) {
  counts out;
  for (const auto& row : rows)
    ++out[row];
  return out;
}

counts counted(const query_answer& answer, const table_schema& schema) {
  counts found;
  for (const auto& values : answer.rows) {
    auto row = text::json_value::object();
    for (const auto& wanted : schema.columns)
      for (size_t i = 0; i < values.size(); ++i)
        if (answer.columns[i] == wanted.name)
          row.add(wanted.name, values[i]);
    ++found[row.dump()];
  }
  return found;
}

std::string whole_table(const std::string& table) {
  return R"({"tablename":")" + table
         + R"(","starttime":"1900-01-01","endtime":"2200-01-01",)"
           R"("limits":{"rows":1000000000,"bytes":1000000000000}})";
}

/// Whether processes of the file fill the table too.
bool filled_by_file(const nodes::cluster_config& config,
                    const std::string& table) {
  return std::any_of(
    config.processes.begin(), config.processes.end(), [&](const auto& each) {
      return !each.node.empty() && each.type == nodes::process_type::feed
             && (each.table == table || each.generator.trade_table == table
                 || each.generator.quote_table == table);
    });
}

using ledger = std::function<std::vector<published_batch>()>;

/// Adds what processes of a user's own published. @param promises whether any
/// of it must be there
/// @returns why one of them is no ledger of this table; empty: all are
std::string add_ledgers_to(accounts& rows, const table_schema& schema,
                           const std::multimap<std::string, ledger>& ledgers,
                           bool promises) {
  const auto [first, last] = ledgers.equal_range(schema.name);
  for (auto each = first; each != last; ++each)
    for (const auto& published : each->second()) {
      const auto batch = decode_batch(published.bytes);
      if (!batch || batch->table != schema.name)
        return "the ledger of '" + schema.name + "' has "
               + (batch ? "a batch of '" + std::string{batch->table} + "'"
                        : "what is no batch: " + to_string(batch.failure()));
      for (uint32_t row = 0; row < batch->row_count; ++row) {
        auto& sum = rows[row_text(schema, *batch, row)];
        ++sum.attempted;
        sum.promised += promises && published.is_promised;
      }
    }
  return {};
}

accounts
published_to(const table_schema& schema,
             const std::vector<std::unique_ptr<table_publisher>>& publishers,
             const std::multimap<std::string, ledger>& ledgers,
             std::vector<std::string>& broken) {
  accounts out;
  for (const auto& each : publishers)
    if (each->schema().name == schema.name)
      each->add_to(out);
  if (auto flaw = add_ledgers_to(out, schema, ledgers, true); !flaw.empty())
    broken.push_back(std::move(flaw));
  return out;
}

} // namespace

/// Byte for byte, as far as two members have the same files. What one that is
/// down had not synced may be torn.
std::vector<std::string> world::differing_bytes(const std::string& table) {
  const auto& config = *cluster_;
  const auto& stream = config.table(table)->stream;
  std::vector<std::string> out;
  std::map<std::string, std::pair<std::string, std::vector<std::byte>>> files;
  for (const auto* member : config.members_of(stream)) {
    if (!at(member->node).alive())
      continue;
    for (auto& [name, bytes] :
         log_bytes(at(member->node).disk(),
                   config.stream_directory(member->name, stream) + "/out")) {
      const auto& [of, theirs]
        = files.try_emplace(name, member->name, bytes).first->second;
      const auto common
        = static_cast<ptrdiff_t>(std::min(bytes.size(), theirs.size()));
      const auto differs
        = std::mismatch(bytes.begin(), bytes.begin() + common, theirs.begin())
            .first
          - bytes.begin();
      if (differs != common)
        out.push_back("merged log of " + member->name
                      + ": is another one than that of " + of + " in " + name
                      + " from byte " + std::to_string(differs));
    }
  }
  return out;
}

/// One that came back is alike when it has begun.
void world::check_bytes(const std::string& table,
                        std::vector<std::string>& broken) {
  std::vector<std::string> last;
  (void)eventually(60s, [&] {
    last = differing_bytes(table);
    return last.empty();
  });
  broken.insert(broken.end(), last.begin(), last.end());
}

/// How far the merged logs of the members that live and run lag behind the
/// longest, by the rows of a table: one line each.
std::vector<std::string> world::behind(const std::string& table) {
  const auto& config = *cluster_;
  const auto& known = *config.table(table);
  std::vector<std::pair<std::string, size_t>> has;
  size_t most = 0;
  for (const auto* member : config.members_of(known.stream)) {
    auto& where = at(member->node);
    const auto rows
      = rows_in(where.disk(),
                config.stream_directory(member->name, known.stream) + "/out",
                known.schema);
    // What cannot be read is told by `check_streams`.
    if (!rows && rows.failure().code != errc::not_found)
      continue;
    const auto count = rows ? rows->size() : 0;
    most = std::max(most, count);
    if (where.alive() && !where.paused())
      has.emplace_back(member->name, count);
  }
  std::vector<std::string> out;
  for (const auto& [member, count] : has)
    if (count < most)
      out.push_back("merged log of " + member + ": has " + std::to_string(count)
                    + " rows of " + std::to_string(most)
                    + ", and is no further after a minute");
  return out;
}

void world::check_streams(const std::string& table,
                          std::vector<std::string>& broken) {
  const auto& config = *cluster_;
  const auto& known = *config.table(table);
  std::vector<std::string> longest;
  std::string longest_of;
  std::map<std::string, std::vector<std::string>> by_member;
  for (const auto* member : config.members_of(known.stream)) {
    auto rows
      = rows_in(at(member->node).disk(),
                config.stream_directory(member->name, known.stream) + "/out",
                known.schema);
    // A member that begins anew has none yet.
    if (!rows && rows.failure().code == errc::not_found)
      continue;
    if (!rows) {
      broken.push_back("merged log of " + member->name + ": "
                       + to_string(rows.failure()));
      continue;
    }
    check_order(at(member->node).disk(), "merged log of " + member->name,
                config.stream_directory(member->name, known.stream) + "/out",
                broken);
    if (longest_of.empty() || rows->size() > longest.size()) {
      longest = *rows;
      longest_of = member->name;
    }
    by_member[member->name] = *std::move(rows);
  }
  for (const auto& [member, rows] : by_member)
    if (!std::equal(rows.begin(), rows.end(), longest.begin()))
      broken.push_back("merged log of " + member + ": is another one than that "
                       + "of " + longest_of);
  check_bytes(table, broken);
  judge("merged log of " + longest_of, counted(longest),
        published_to(known.schema, publishers_, ledgers_, broken),
        {filled_by_file(config, table), [&] { return strangers_of(table); }},
        broken);
}

/// Who published rows of a table of which the world knows nothing; empty: only
/// those that it knows.
std::string world::strangers_of(const std::string& table) {
  const auto& config = *cluster_;
  if (filled_by_file(config, table) || ledgers_.contains(table))
    return {};
  const auto& known = *config.table(table);
  std::set<std::string, std::less<>> origins;
  for (const auto* member : config.members_of(known.stream))
    (void)rows_in(at(member->node).disk(),
                  config.stream_directory(member->name, known.stream) + "/out",
                  known.schema, &origins);
  for (const auto& each : publishers_)
    origins.erase(each->name() + "." + each->stream());
  return text::joined(origins);
}

/// All rows of a table as each of the gateways knows them.
/// @returns whether there is no use in asking again
bool world::check_answer_once(const std::string& table,
                              std::vector<std::string>& broken) {
  broken.clear();
  const auto& schema = cluster_->table(table)->schema;
  auto published = published_to(schema, publishers_, ledgers_, broken);
  // One that ends again and again runs when it is looked for later.
  std::vector<std::string> not_running;
  const auto all = ask_gateways(whole_table(table), &not_running);
  const bool others_publish = ledgers_.contains(table);
  if (others_publish) {
    // What came meanwhile may be there, and need not.
    std::vector<std::string> flaws;
    for (const auto& [row, sum] :
         published_to(schema, publishers_, ledgers_, flaws))
      published[row].attempted = sum.attempted;
  }
  bool answered = false;
  bool final = true;
  for (const auto& each : all) {
    if (!each.said)
      continue;
    answered = true;
    const auto before = broken.size();
    judge(
      "answer of " + each.gateway, counted(*each.said, schema), published,
      {filled_by_file(*cluster_, table), [&] { return strangers_of(table); }},
      broken);
    // Rows may be missing from one that says so, or may be on their way from a
    // process of one's own, but not for ever.
    if (broken.size() > before
        && (others_publish || !each.said->warnings.empty())) {
      final = false;
      for (const auto& warning : each.said->warnings)
        broken.push_back("answer of " + each.gateway + ": warns: " + warning);
    }
  }
  if (!answered)
    broken.push_back("the gateways do not answer: "
                     + (all.empty() ? std::string{"none lives and runs"}
                                    : to_string(all.front().said.failure())));
  auto silent = silent_gateway(all);
  if (silent.empty() && !not_running.empty())
    silent = not_running.front() + " does not run, though its node does";
  if (!silent.empty())
    broken.push_back(silent);
  return answered && silent.empty() && (final || broken.empty());
}

void world::check_answer(const std::string& table,
                         std::vector<std::string>& broken) {
  std::vector<std::string> last;
  (void)eventually(60s, [&] { return check_answer_once(table, last); });
  broken.insert(broken.end(), last.begin(), last.end());
}

std::vector<std::string> world::losses(const std::string& table) {
  if (!has_table("losses", table))
    return {"nothing is known of table '" + table + "'"};
  std::vector<std::string> broken;
  for (const auto& each : publishers_)
    if (each->schema().name == table && at(each->name()).alive()
        && !eventually(60s, [&] { return each->settled(); }))
      broken.push_back(each->name()
                       + ": not all of its rows are committed after a minute");
  std::vector<std::string> late;
  (void)eventually(60s, [&] {
    late = behind(table);
    if (!late.empty())
      run_for(480ms); // Whole logs are read.
    return late.empty();
  });
  broken.insert(broken.end(), late.begin(), late.end());
  if (ledgers_.contains(table))
    (void)eventually(60s, [&] {
      std::vector<std::string> now;
      check_streams(table, now);
      if (!now.empty())
        run_for(480ms);
      return now.empty();
    });
  check_streams(table, broken);
  const auto& all = cluster_->processes;
  const bool asked = std::any_of(all.begin(), all.end(), [](const auto& each) {
    return each.type == nodes::process_type::gateway && !each.node.empty();
  });
  const bool held = std::any_of(all.begin(), all.end(), [&](const auto& each) {
    return each.type == nodes::process_type::rdb && !each.node.empty()
           && std::find(each.tables.begin(), each.tables.end(), table)
                != each.tables.end();
  });
  if (asked && held)
    check_answer(table, broken);
  tell_defects(broken);
  return broken;
}

/// Those that were not told yet.
void world::tell_defects(std::vector<std::string>& broken) {
  for (; defects_told_ < defects_.size(); ++defects_told_)
    if (!exceptions_allowed_)
      broken.push_back(defects_[defects_told_]);
}

bool world::expect_true_answer(const std::string& table) {
  if (!has_table("expect_true_answer", table))
    return false;
  accounts known;
  for (const auto& each : publishers_)
    if (each->schema().name == table)
      each->add_committed_to(known);
  const auto& schema = cluster_->table(table)->schema;
  const auto all = ask_gateways(whole_table(table));
  // What they answer may have been published meanwhile.
  std::vector<std::string> broken;
  if (auto flaw = add_ledgers_to(known, schema, ledgers_, false); !flaw.empty())
    broken.push_back(std::move(flaw));
  bool answered = false;
  for (const auto& each : all) {
    if (!each.said) {
      note({}, each.gateway
                 + " gives no answer: " + to_string(each.said.failure()));
      continue;
    }
    answered = true;
    auto mine = known;
    if (!each.said->warnings.empty())
      for (auto& [row, sum] : mine)
        sum.promised = 0; // It says that rows may be missing.
    judge(
      "answer of " + each.gateway, counted(*each.said, schema), mine,
      {filled_by_file(*cluster_, table), [&] { return strangers_of(table); }},
      broken);
  }
  if (auto silent = silent_gateway(all); !silent.empty())
    broken.push_back(std::move(silent));
  if (!broken.empty())
    fail("an answer about '" + table + "' is not true:\n  " + broken.front()
         + (broken.size() > 1
              ? "\n  and " + std::to_string(broken.size() - 1) + " more"
              : ""));
  return answered;
}

void world::expect_no_loss(const std::string& table) {
  if (!has_table("expect_no_loss", table))
    return;
  const auto broken = losses(table);
  if (broken.empty())
    return note({}, "no loss in " + table);
  std::string all = "table '" + table + "' lost or doubled rows:";
  for (size_t i = 0; i < std::min<size_t>(broken.size(), 20); ++i)
    all += "\n  " + broken[i];
  if (broken.size() > 20)
    all += "\n  and " + std::to_string(broken.size() - 20) + " more";
  fail(all);
}

} // namespace millrace::sim
