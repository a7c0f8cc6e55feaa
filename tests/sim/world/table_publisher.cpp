#include <millrace/sim/world/cluster_plan.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

bool ends_publisher(const error& why) {
  return why.code == errc::storage_failed || why.code == errc::permission
         || why.code == errc::closed;
}

table_publisher::table_publisher(world& in, std::string name,
                                 table_schema schema, std::string stream,
                                 bool cached)
  : in_{&in}, name_{std::move(name)}, schema_{std::move(schema)},
    stream_{std::move(stream)}, cached_{cached} {}

nodes::process_factory table_publisher::program() {
  return [this](nodes::process_host& host,
                const nodes::process_config&) -> result<nodes::hosted_process> {
    learn();
    out_.reset();
    auto& me = simulated(host);
    auto made = me.publish(stream_, {.name = name_});
    if (!made)
      return made.failure();
    out_ = made->out;
    life_ = me.lives();
    nodes::hosted_process out;
    for (const auto& each : made->replicators)
      out.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(each));
    out.actor = out.parts.front();
    return out;
  };
}

/// What the newest life was told of its rows so far.
void table_publisher::learn() {
  if (!out_)
    return;
  for (const auto level : {rt::ack_level::recorded, rt::ack_level::synced,
                           rt::ack_level::committed}) {
    const auto reached = out_->reached(level);
    for (auto& each : book_)
      if (each.life == life_ && each.end <= reached)
        each.told = std::max(each.told, std::optional{level});
  }
}

/// Its program would be of no use any more.
void table_publisher::end_if_failed(const error& why) {
  if (!ends_publisher(why))
    return;
  in_->mark(name_,
            "cannot go on with "
              + (book_.empty() ? "its log" : shortened(book_.back().text))
              + ": " + to_string(why));
  in_->at(name_).end();
}

/// @returns why the publisher did not take it, into the newest entry.
error table_publisher::hand_over(const std::vector<std::byte>& bytes) {
  auto& me = in_->at(name_);
  if (!me.alive() || me.paused() || !out_ || life_ != me.lives())
    return {errc::unavailable, me.paused() ? "it stands still" : "it is down"};
  // Its machine may lose its power while it publishes.
  book_.back().boot = me.disk().boot_id();
  book_.back().disk_count = in_->disks_of(name_);
  auto token = out_->publish(bytes, {}, payload_kind::table_batch);
  if (token) {
    book_.back().end = token->end;
    book_.back().life = life_;
    return {};
  }
  end_if_failed(token.failure());
  return token.failure();
}

void table_publisher::publish(const table_row& row, rt::ack_level until) {
  publish_all({row}, until);
}

/// @returns whether the row is in a publisher's hands.
bool table_publisher::begin(const table_row& row) {
  using namespace std::chrono_literals;
  auto bytes = encode_row(schema_, row, in_->at(name_).env().clock->now_ns());
  if (!bytes) {
    in_->fail(name_ + " cannot publish: " + to_string(bytes.failure()));
    return false;
  }
  const auto batch = decode_batch(*bytes);
  book_.push_back({row_text(schema_, *batch, 0)});
  const auto text = shortened(book_.back().text);
  in_->note(name_, "publishes to " + schema_.name + " " + text);
  error last;
  const auto is_final = [&] {
    return last.code == errc::oversize || last.code == errc::invalid_argument
           || last.code == errc::bad_id;
  };
  const bool decided = in_->eventually(30s, [&] {
    last = hand_over(*bytes);
    return !last || is_final();
  });
  if (!last)
    return true;
  in_->fail(name_
            + (decided ? " cannot publish " : " publishes nothing for 30 s: ")
            + text + ": " + to_string(last));
  return false;
}

void table_publisher::publish_all(const std::vector<table_row>& rows,
                                  rt::ack_level until) {
  using namespace std::chrono_literals;
  if (!has_joined_)
    return in_->note({}, name_ + " is not in the world, and publishes nothing");
  if (rows.empty())
    return in_->fail(name_ + " cannot publish: there is no row");
  for (const auto& row : rows)
    if (!begin(row))
      return;
  const auto life = life_;
  const auto end = book_.back().end;
  error last{errc::unavailable, "it is down"};
  // It asks for a sync if that is wanted; no real time passes here.
  const auto there = [&] {
    auto& me = in_->at(name_);
    if (life_ == life && me.alive()) {
      last = out_->wait({end, 0}, until, 0ms);
      end_if_failed(last);
    }
    return !last || life_ != life || !me.alive();
  };
  if (!in_->run_until(there, 30s))
    in_->fail(name_ + ": does not get so far in 30 s as publish wants: "
              + shortened(book_.back().text) + ": " + to_string(last));
  else if (last)
    in_->note(name_, "died before it was told enough of "
                       + shortened(book_.back().text));
  learn();
  const auto most = uint64_t{1} << in_->draw(8);
  in_->run_for(duration{static_cast<int64_t>(in_->draw(most * 1'000'000))});
}

bool table_publisher::settled() const {
  return has_joined_ && in_->at(name_).alive() && out_
         && out_->reached(rt::ack_level::committed) >= out_->appended();
}

void table_publisher::expect_damage() {
  learn();
  for (auto& each : book_)
    each.at_risk |= !each.told || *each.told < rt::ack_level::committed;
}

bool table_publisher::promised(const entry& of) const {
  if (!of.told || of.at_risk)
    return false;
  auto& me = in_->at(name_);
  if (!me.alive() || of.disk_count != in_->disks_of(name_)
      || in_->is_damaged(name_))
    return *of.told >= rt::ack_level::committed;
  if (of.boot != me.disk().boot_id())
    return *of.told
           >= (cached_ ? rt::ack_level::committed : rt::ack_level::synced);
  return true;
}

void table_publisher::add_to(std::map<std::string, account>& rows) {
  learn();
  for (const auto& each : book_) {
    auto& sum = rows[each.text];
    ++sum.attempted;
    sum.promised += promised(each);
  }
}

void table_publisher::add_committed_to(std::map<std::string, account>& rows) {
  learn();
  for (const auto& each : book_) {
    auto& sum = rows[each.text];
    ++sum.attempted;
    sum.promised
      += each.told && *each.told >= rt::ack_level::committed && !each.at_risk;
  }
}

} // namespace millrace::sim
