#include <millrace/sim/script/fault_mix.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace millrace::sim {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

class drawing {
public:
  drawing(uint64_t seed, const fault_mix& mix) : random_{seed}, mix_{mix} {
    const auto allow = [&](bool on, std::initializer_list<fault::what> kinds) {
      if (on)
        kinds_.insert(kinds_.end(), kinds);
    };
    allow(mix.kills, {fault::what::kill});
    allow(mix.power_cuts, {fault::what::power});
    allow(mix.pauses, {fault::what::pause});
    allow(mix.links && mix.nodes.size() > 1,
          {fault::what::cut, fault::what::reset, fault::what::half_open,
           fault::what::slow, fault::what::delay});
    allow(mix.disk_errors, {fault::what::fail, fault::what::full});
    allow(mix.corruption && mix.nodes.size() > 1, {fault::what::corrupt});
    allow(mix.outages, {fault::what::lie}); // Stands for power cuts of many.
    allow(!mix.points.empty(), {fault::what::crash, fault::what::power_at});
    allow(!mix.rotting.empty(), {fault::what::rot});
    // Stands for cuts from all others.
    allow(mix.isolations && mix.nodes.size() > 1, {fault::what::heal});
    allow(!mix.disks_lost.empty(), {fault::what::restart});
    allow(mix.slow_disks, {fault::what::slow_disk});
    allow(mix.clocks,
          {fault::what::clock, fault::what::freeze_clock, fault::what::drift});
    allow(mix.read_only, {fault::what::read_only});
    allow(!mix.disks_set_back.empty(), {fault::what::back_up});
    allow(!mix.misplacing.empty(), {fault::what::swap});
    allow(!mix.shortening.empty(), {fault::what::shorten});
  }

  [[nodiscard]] std::string flaw() const {
    if (mix_.nodes.empty())
      return "there are no nodes that faults could meet";
    if (kinds_.empty())
      return mix_.links
               ? "one node alone has no links, and nothing else is allowed"
               : "no kind of fault is allowed";
    if (mix_.within.count() <= 0)
      return "faults come within no time";
    if (!mix_.misplacing.empty() && mix_.harmed_files.size() < 2)
      return "files are to change places, and harmed_files has not two";
    if (!mix_.shortening.empty() && mix_.harmed_files.empty())
      return "files are to be shortened, and harmed_files has none";
    if (!mix_.rotting.empty() && mix_.rotting_parts.empty())
      return "bits are to flip, and rotting_parts has no part of a path";
    return {};
  }

  fault_script script() {
    fault_script out;
    const auto count = 1 + below(std::max<uint64_t>(1, mix_.faults_max));
    while (out.size() < count)
      add_to(out);
    std::stable_sort(
      out.begin(), out.end(),
      [](const timed_fault& a, const timed_fault& b) { return a.at < b.at; });
    out.push_back({mix_.within * 2, {.kind = fault::what::heal}});
    for (auto& each : out)
      each.what.may_miss = true;
    return out;
  }

private:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  /// In whole milliseconds, so that scripts read well.
  nanoseconds time_below(nanoseconds limit) {
    return 1ms
           * static_cast<int64_t>(
             below(static_cast<uint64_t>(std::max<int64_t>(1, limit / 1ms))));
  }

  void add_to(fault_script& out) {
    const auto at = time_below(mix_.within);
    const auto lasts = 1ms + time_below(mix_.within);
    fault made;
    made.kind = kinds_[below(kinds_.size())];
    const auto one = below(mix_.nodes.size());
    made.node = mix_.nodes[one];
    if (add_several(made, at, lasts, out))
      return;
    switch (made.kind) {
      case fault::what::kill:
      case fault::what::power:
        made.back.after = lasts;
        break;
      case fault::what::pause:
        out.push_back(
          {at + lasts, {.kind = fault::what::resume, .node = made.node}});
        break;
      case fault::what::fail: {
        const char* calls[] = {"write", "sync", "rename", "read"};
        made.name = calls[below(4)];
        made.number = 1 + below(below(2) == 0 ? 8 : 50);
        break;
      }
      case fault::what::full:
        // Some of them little, so that it is full soon.
        made.number = (1 + below(1000)) * (below(2) == 0 ? 1000 : 50);
        break;
      case fault::what::read_only:
        break;
      case fault::what::crash:
      case fault::what::power_at: {
        const auto& place = mix_.points[below(mix_.points.size())];
        made = {.kind = mix_.power_cuts && below(2) == 0 ? fault::what::power_at
                                                         : fault::what::crash,
                .node = place.node,
                .name = place.point,
                .number = 1 + below(below(2) == 0 ? 3 : 12),
                .back = {lasts}};
        break;
      }
      case fault::what::rot:
        made.node = mix_.rotting[below(mix_.rotting.size())];
        made.name = mix_.rotting_parts[below(mix_.rotting_parts.size())];
        made.number = below(uint64_t{1} << 40);
        // What nobody has yet is what matters.
        if (mix_.links && below(2) == 0)
          cut_off(made.node, at - at / 2, at / 2 + lasts, out);
        break;
      case fault::what::restart:
        made.kind = fault::what::power;
        made.node = mix_.disks_lost[below(mix_.disks_lost.size())];
        made.back = {lasts, comeback::disk::empty};
        break;
      case fault::what::corrupt:
        draw_link(one, made);
        made.one_way = true;
        made.number = 1 + below(5);
        break;
      default:
        draw_link(one, made);
        out.push_back({at + lasts,
                       {.kind = fault::what::heal,
                        .node = made.node,
                        .other = made.other}});
    }
    out.push_back({at, std::move(made)});
  }

  /// Kinds that are more than one fault. @returns false: it is none of them
  bool add_several(const fault& made, nanoseconds at, nanoseconds lasts,
                   fault_script& out) {
    switch (made.kind) {
      case fault::what::slow_disk:
        slow_disk(made.node, at, lasts, out);
        return true;
      case fault::what::clock:
      case fault::what::freeze_clock:
      case fault::what::drift:
        harm_clock(made, at, lasts, out);
        return true;
      case fault::what::back_up:
        set_back(at, lasts, out);
        return true;
      case fault::what::swap:
      case fault::what::shorten:
        harm_file(made.kind, at, lasts, out);
        return true;
      case fault::what::lie:
        cut_power_of_many(at, out);
        return true;
      case fault::what::heal:
        isolate(made.node, at, lasts, out);
        return true;
      default:
        return false;
    }
  }

  void slow_disk(const std::string& node, nanoseconds at, nanoseconds lasts,
                 fault_script& out) {
    const auto by = [&](nanoseconds time) {
      return fault{.kind = fault::what::slow_disk, .node = node, .time = time};
    };
    out.push_back({at, by(20ms + time_below(480ms))});
    out.push_back({at + lasts, by(0ms)});
  }

  /// A jump is of up to a day, a rate of up to a tenth.
  void harm_clock(fault made, nanoseconds at, nanoseconds lasts,
                  fault_script& out) {
    const bool back = below(2) == 0;
    if (made.kind == fault::what::clock) {
      const nanoseconds far[] = {100ms, 10s, 1h, 24h};
      made.time = 1ms + time_below(far[below(4)]);
      made.time = back ? -made.time : made.time;
    } else {
      if (made.kind == fault::what::drift) {
        made.rate_ppm
          = static_cast<int64_t>(1 + below(below(2) ? 500 : 100'000));
        made.rate_ppm = back ? -made.rate_ppm : made.rate_ppm;
      }
      out.push_back(
        {at + lasts, {.kind = fault::what::drift, .node = made.node}});
    }
    out.push_back({at, std::move(made)});
  }

  /// Backed up, and later on that disk again.
  void set_back(nanoseconds at, nanoseconds lasts, fault_script& out) {
    const auto& node = mix_.disks_set_back[below(mix_.disks_set_back.size())];
    out.push_back({at - at / 2, {.kind = fault::what::back_up, .node = node}});
    out.push_back(
      {at + lasts / 2,
       {.kind = mix_.power_cuts && below(2) == 0 ? fault::what::power
                                                 : fault::what::kill,
        .node = node,
        .back = {1ms + lasts / 2, comeback::disk::older}}});
  }

  /// Half of them while the process that has it is down: who reads them first
  /// is one that starts.
  void harm_file(fault::what kind, nanoseconds at, nanoseconds lasts,
                 fault_script& out) {
    const auto& nodes
      = kind == fault::what::swap ? mix_.misplacing : mix_.shortening;
    const auto& files = mix_.harmed_files;
    fault made{.kind = kind, .node = nodes[below(nodes.size())]};
    const auto one = below(files.size());
    made.name = files[one];
    if (kind == fault::what::shorten)
      made.number = below(uint64_t{1} << below(13));
    else
      made.other_name
        = files[(one + 1 + below(files.size() - 1)) % files.size()];
    // What nobody has yet is what matters, as with rot.
    if (mix_.links && below(2) == 0)
      cut_off(made.node, at - at / 2, at / 2 + lasts, out);
    if (kind == fault::what::shorten || (mix_.kills && below(2) == 0))
      out.push_back({at,
                     {.kind = fault::what::kill,
                      .node = made.node,
                      .back = {1ms + lasts / 2}}});
    out.push_back({at, std::move(made)});
  }

  void isolate(const std::string& node, nanoseconds at, nanoseconds lasts,
               fault_script& out) {
    cut_off(node, at, lasts, out);
    if (mix_.power_cuts && below(2) == 0)
      out.push_back({at + time_below(lasts),
                     {.kind = fault::what::power,
                      .node = node,
                      .back = {time_below(mix_.within)}}});
  }

  /// All of them now and then; each comes back in its own time.
  void cut_power_of_many(nanoseconds at, fault_script& out) {
    const bool all = below(2) == 0;
    for (const auto& node : mix_.nodes)
      if (all || below(2) == 0)
        out.push_back({at,
                       {.kind = fault::what::power,
                        .node = node,
                        .back = {1ms + time_below(mix_.within / 4)}}});
  }

  void cut_off(const std::string& node, nanoseconds at, nanoseconds lasts,
               fault_script& out) {
    for (const auto& other : mix_.nodes)
      if (other != node) {
        out.push_back(
          {at, {.kind = fault::what::cut, .node = node, .other = other}});
        out.push_back(
          {at + lasts,
           {.kind = fault::what::heal, .node = node, .other = other}});
      }
  }

  void draw_link(size_t one, fault& made) {
    made.other
      = mix_
          .nodes[(one + 1 + below(mix_.nodes.size() - 1)) % mix_.nodes.size()];
    if (made.kind == fault::what::cut)
      made.one_way = below(2) == 0;
    else if (made.kind == fault::what::reset)
      made.number = below(2) == 0 ? 0 : 1 + below(40);
    else if (made.kind == fault::what::slow)
      made.number = 1000 * (1 + below(40));
    else if (made.kind == fault::what::delay)
      made.time = 1ms + time_below(1s);
  }

  std::mt19937_64 random_;
  const fault_mix& mix_;
  std::vector<fault::what> kinds_;
};

} // namespace

std::string flaw_of(const fault_mix& mix) { return drawing{0, mix}.flaw(); }

fault_script draw_faults(uint64_t seed, const fault_mix& mix) {
  MILLRACE_ASSERT(flaw_of(mix).empty());
  return drawing{seed, mix}.script();
}

} // namespace millrace::sim
