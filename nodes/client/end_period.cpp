#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/known_rdbs.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/configuration/period_clock.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <optional>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// One that does not answer for so long is looked for again: it may have been
/// started anew.
constexpr auto ask_again = 2s;
/// What is there answers within it.
constexpr auto at_once = 500ms;
/// For what is asked once a period is served, or the wait for it is over.
constexpr std::chrono::milliseconds time_to_close = 3s;
/// An RDB that has nothing to say yet answers after a second.
constexpr auto turn_of_rdb = 2s;
/// And so often it is said what is waited for.
constexpr auto say_interval = 5s;

/// What an RDB still waits for.
std::string standing(const period_report& report) {
  if (!report.reached)
    return "it has not come to the end of the period: it stands at "
           + to_string(report.stands)
           + (report.failure.empty() ? std::string{} : ": " + report.failure);
  if (report.version == manifest_version{})
    return "the period is not written down"
           + (report.failure.empty() ? std::string{} : ": " + report.failure);
  return "no hdb serves what is written as manifest "
         + to_string(report.version)
         + (report.hdbs == 0
              ? ": none is there"
              : ": " + std::to_string(report.hdbs) + " have not taken it up");
}

class period_end_request {
public:
  period_end_request(runtime& host, const cluster_config& config,
                     const std::string& stream, const end_request& what)
    : host_{host}, config_{config}, stream_{stream}, what_{what},
      time_{*host.env().clock, what.deadline}, quiet_{*host.env().clock,
                                                      ask_again} {}

  result<ended_period> run() {
    rdbs_ = rdbs_of(host_, config_, stream_, within(1s));
    auto now = stream_standing(at_once);
    if (!now && !is_refusal(now.failure().code)) {
      tell("no rt answers: " + now.failure().context);
      now = stream_standing();
    }
    if (!now && is_refusal(now.failure().code))
      return now.failure();
    if (!now)
      return error{errc::unavailable, "stream " + stream_
                                        + ": no rt answers, nothing was ended: "
                                        + now.failure().context};
    if (!what_.force && what_.period > now->last_period)
      if (auto fault = check_over())
        return fault;
    std::map<std::string, uint64_t> lost_before;
    for (const auto& rdb : rdbs_)
      if (const auto facts = facts_of(rdb); facts && rdb.writes)
        lost_before[rdb.name] = facts->losses;
    if (auto fault = mark())
      return fault;
    find_absent();
    out_.written = wait_served();
    // What is left to ask of those that are there takes no time of the wait's.
    if (time_.left() < time_to_close)
      time_ = countdown{*host_.env().clock, time_to_close};
    auto next = out_.written.begin();
    for (const auto& rdb : rdbs_)
      if (rdb.writes) {
        auto& written = *next++;
        if (const auto before = lost_before.find(rdb.name);
            before != lost_before.end())
          if (const auto facts = facts_of(rdb);
              facts && facts->losses > before->second)
            written.lost_meanwhile = facts->last_loss;
        if (out_.before && !written.fault)
          written.waiting_unknown = find_late_rows(rdb, written.waiting);
      }
    return std::move(out_);
  }

private:
  /// Says what is waited for, now and then.
  void say(const std::string& text) {
    if (quiet_.over())
      tell(text);
  }
  void tell(const std::string& text) {
    if (what_.waiting)
      what_.waiting("stream " + stream_ + ": " + text);
    quiet_ = countdown{*host_.env().clock, say_interval};
  }

  /// At most that long, and no longer than the whole may take.
  [[nodiscard]] std::chrono::milliseconds
  within(std::chrono::milliseconds most) const {
    return std::min(most, time_.left());
  }

  /// Of the period's date, of the tables that this RDB holds.
  error find_late_rows(const known_rdb& rdb,
                       std::map<std::string, uint64_t>& out) {
    const auto there = find_rdb(host_, config_, rdb, within(1s));
    if (!there)
      return there.failure();
    const auto facts = facts_of(*there);
    if (!facts)
      return facts.failure();
    for (const auto& table : config_.tables) {
      const auto& schema = table.schema;
      if (!facts->rows.contains(schema.name))
        continue;
      const auto dates = dates_in_rdb(
        host_, *there, schema, std::max(facts->begin, facts->served_end));
      if (!dates)
        return dates.failure();
      if (const auto found = dates->find(what_.period.value);
          found != dates->end())
        out[schema.name] = found->second;
    }
    return {};
  }

  /// Empty: one that leads answers.
  [[nodiscard]] std::string why_unordered() {
    const auto nodes = endpoints_of_stream(config_, stream_);
    return nodes ? unordered_text(host_, stream_, *nodes) : std::string{};
  }

  /// Before one is asked again that refused at once.
  void pause() { guest{host_.system()}.pause(50ms); }

  result<stream_facts> stream_standing(std::chrono::milliseconds most = 5s) {
    auto rt = find_stream(host_, config_, stream_, within(most));
    if (!rt)
      return rt.failure();
    return ask<stream_facts>(host_, *rt, within(most), facts_atom_v);
  }

  /// Of the period that ended; one that a later one followed has none to tell.
  void find_absent() {
    const countdown time{*host_.env().clock, within(5s)};
    for (;; pause()) {
      const auto now = stream_standing();
      if (now && now->last_period > what_.period) {
        out_.absent_unknown
          = {errc::not_found, to_string(now->last_period) + " ended since"};
        return;
      }
      if (now && now->last_period == what_.period) {
        out_.absent = now->last_period_absent;
        return;
      }
      // Nodes that do not lead hear of the end a moment later.
      if (time.over()) {
        out_.absent_unknown
          = {errc::timeout, now ? "the rt that answers has not heard of its "
                                  "end yet"
                                : now.failure().context};
        return;
      }
      say(to_string(what_.period)
          + " ended; which publishers marked its end is asked"
          + (now ? std::string{} : " again: " + now.failure().context));
    }
  }

  result<rdb_facts> facts_of(const rdb_actor& rdb) {
    return ask<rdb_facts>(host_, rdb, within(3s), facts_atom_v);
  }

  result<rdb_facts> facts_of(const known_rdb& rdb) {
    auto handle = find_rdb(host_, config_, rdb, within(1s));
    if (!handle)
      return handle.failure();
    return facts_of(*handle);
  }

  /// The newest date that a row of the stream has, as far as RDBs hold them.
  std::optional<period_id> newest_date(std::string& unasked) {
    std::optional<period_id> newest;
    for (const auto& rdb : rdbs_) {
      const auto facts = facts_of(rdb);
      if (!facts) {
        unasked = rdb.name;
        continue;
      }
      if (const auto date
          = next_period_end(config_.period.rule, facts->newest_time))
        newest = std::max(newest.value_or(date->period), date->period);
    }
    return newest;
  }

  /// A period that neither the clock nor the data has reached: once it ended,
  /// none before it could.
  error check_over() {
    const auto now
      = next_period_end(config_.period.rule, host_.env().clock->now_ns());
    if (!now)
      return now.failure();
    if (what_.period <= now->period)
      return {};
    std::string unasked;
    const auto newest = newest_date(unasked);
    if (newest && what_.period <= *newest)
      return {};
    return {errc::invalid_argument,
            "stream " + stream_ + ": " + to_string(what_.period)
              + " is not ended: the clock is in "
              + text::date_text(now->period.value)
              + (newest ? ", the newest row in the rdb is of "
                            + text::date_text(newest->value)
                        : ", and no row in an rdb is later")
              + (unasked.empty() ? "" : " (" + unasked + " does not answer)")
              + "; when it ends, none before it can end any more: --force ends "
                "it all the same"};
  }

  /// Ends the period in the stream, or finds that it has ended.
  error mark() {
    error last;
    bool waited = false; // It was asked for, and not refused.
    do {
      auto rt
        = find_stream(host_, config_, stream_,
                      std::min<std::chrono::milliseconds>(time_.left(), 5s));
      if (!rt) {
        last = rt.failure();
        say("no rt answers: " + last.context);
        pause();
        continue;
      }
      const auto end = ask<position>(
        host_, caf::actor_cast<sequencer_actor>(*rt),
        std::min<std::chrono::milliseconds>(time_.left(), ask_again),
        end_period_atom_v, what_.period);
      if (end) {
        out_.end = *end;
        at_ = *end;
        return {};
      }
      last = end.failure();
      if (last.code == errc::already_exists)
        return ended_already(waited);
      if (last.code != errc::timeout && last.code != errc::unavailable)
        return last;
      waited = true;
      const auto why = why_unordered();
      say("its rt has not said that " + to_string(what_.period)
          + " ended: " + (why.empty() ? last.context : why));
      pause();
    } while (!time_.over());
    return {errc::timeout,
            "stream " + stream_ + ": whether " + to_string(what_.period)
              + " ended is not known: after "
              + std::to_string(what_.deadline.count())
              + " s the rt has not said so (" + last.context + "); ask again"};
  }

  /// The stream refuses: this period, or a later one, has ended.
  error ended_already(bool waited) {
    auto facts = stream_standing();
    for (; !facts && !time_.over(); facts = stream_standing()) {
      say(to_string(what_.period) + " or a later one ended; no rt says which: "
          + facts.failure().context);
      pause();
    }
    if (!facts)
      return {errc::timeout,
              "stream " + stream_ + ": " + to_string(what_.period)
                + " or a later one has ended before, and which is not known ("
                + facts.failure().context + "); ask again"};
    at_ = facts->end;
    if (facts->last_period == what_.period) {
      out_.before = !waited;
      out_.end = facts->last_period_end;
      return {};
    }
    // It may have ended before the later one did, or have been passed over.
    std::string unasked;
    for (const auto& rdb : rdbs_) {
      const auto report = ask_rdb(rdb, within(5s));
      if (!report)
        unasked = rdb.name;
      else if (report->end != position{}) {
        out_.before = true;
        out_.end = report->end;
        return {};
      }
    }
    const auto later = to_string(facts->last_period);
    return {errc::already_exists,
            "stream " + stream_ + ": " + to_string(what_.period)
              + " is not ended: " + later + " ended already"
              + (facts->last_period_end == position{}
                   ? std::string{}
                   : " at " + to_string(facts->last_period_end))
              + "; its rows went with that one, or go with the next that ends"
              + (unasked.empty() ? std::string{}
                                 : "; whether " + to_string(what_.period)
                                     + " had ended before that, " + unasked
                                     + " would know, but it does not answer")};
  }

  result<period_report> ask_rdb(const known_rdb& rdb,
                                std::chrono::milliseconds left) {
    auto handle = find_rdb(host_, config_, rdb, left);
    if (!handle)
      return handle.failure();
    // The answer comes when there is something to say, or after a second.
    return ask<period_report>(
      host_, *handle, std::min<std::chrono::milliseconds>(left, 8s),
      installed_atom_v, what_.period, at_, what_.accept_rejects);
  }

  /// Whether the RDB takes nothing of the stream, for as long as it lives.
  bool refuses(const known_rdb& rdb) {
    const auto facts = facts_of(rdb);
    return facts && facts->refuses;
  }

  struct awaited_rdb {
    const known_rdb* rdb = nullptr;
    written_period out;
    bool answered = false;
    bool over = false; ///< There is nothing more to wait for.
    error last{};      ///< Why it did not answer.
  };

  /// Asks it once.
  void look(awaited_rdb& at, std::chrono::milliseconds most) {
    const auto& rdb = *at.rdb;
    auto& out = at.out;
    auto report = ask_rdb(rdb, most);
    if (!report) {
      at.last = report.failure();
      // Nobody starts it by itself.
      if (at.last.code == errc::not_found && !rdb.has_node && !at.answered)
        out.fault
          = {errc::unavailable,
             at.last.context + "; the period is not written down there"};
      else if (at.last.code == errc::fenced && refuses(rdb))
        out.fault = at.last;
      at.over = static_cast<bool>(out.fault);
      if (at.over)
        return;
      say(to_string(what_.period) + " ended; " + rdb.name
          + " does not answer: " + at.last.context);
      return pause();
    }
    at.answered = true;
    out.report = *std::move(report);
    if (out_.end == position{})
      out_.end = out.report.end;
    if (out.report.held && !out.report.failure.empty())
      out.fault = {errc::unavailable, rdb.name
                                        + ": the period is not written "
                                          "down: "
                                        + out.report.failure};
    else if (out.report.held)
      out.fault
        = {errc::schema_mismatch,
           rdb.name
             + ": not written down: batches are set aside ('millrace "
               "rejects' lists them); 'millrace eop --accept-rejects' writes "
               "the period without them"};
    at.over = out.report.served || out.report.held;
    if (!at.over)
      say(to_string(what_.period) + " ended; " + rdb.name + ": "
          + standing(out.report));
  }

  /// Waits until an HDB serves what each RDB wrote down of the period. They
  /// are asked in turn: one that is away takes no time from the others.
  std::vector<written_period> wait_served() {
    std::vector<awaited_rdb> all;
    for (const auto& rdb : rdbs_)
      if (rdb.writes)
        all.push_back({&rdb, {.rdb = rdb.name}});
    size_t left = all.size();
    // They may restart meanwhile: asked again until they say so.
    do {
      for (auto& each : all) {
        if (each.over)
          continue;
        look(each, left > 1 ? within(turn_of_rdb) : time_.left());
        left -= each.over ? 1 : 0;
      }
    } while (left != 0 && !time_.over());
    std::vector<written_period> out;
    for (auto& each : all) {
      if (!each.over)
        each.out.fault = {
          errc::timeout,
          each.rdb->name + ": after " + std::to_string(what_.deadline.count())
            + " s "
            + (each.answered ? standing(each.out.report)
                             : "it does not answer (" + each.last.context
                                 + "): whether it wrote the period down is not "
                                   "known")};
      out.push_back(std::move(each.out));
    }
    return out;
  }

  runtime& host_;
  const cluster_config& config_;
  const std::string& stream_;
  const end_request& what_;
  std::vector<known_rdb> rdbs_; ///< Of the stream.
  position at_;                 ///< The period ended here or before.
  ended_period out_;
  countdown time_;  ///< For all of it.
  countdown quiet_; ///< Until it is said what is waited for.
};

} // namespace

result<ended_period> end_period(runtime& host, const cluster_config& config,
                                const std::string& stream,
                                const end_request& what) {
  if (auto known = ordered_stream(config, stream); !known)
    return known.failure();
  return period_end_request{host, config, stream, what}.run();
}

} // namespace millrace::nodes
