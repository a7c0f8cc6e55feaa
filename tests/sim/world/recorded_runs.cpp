#include <millrace/sim/world/recorded_runs.hpp>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace millrace::sim {

namespace {

thread_local recorded_runs* recording = nullptr;
constexpr size_t happenings_shown = 80;

} // namespace

recorded_runs::recorded_runs(std::string replay)
  : before_{recording}, replay_{std::move(replay)} {
  recording = this;
}

recorded_runs::~recorded_runs() { recording = before_; }

std::string recorded_runs::text() const {
  std::string out;
  for (const auto& each : runs_)
    out += timeline_of(each) + "\n";
  return out;
}

std::string recorded_runs::replay() {
  for (const auto* each = recording; each != nullptr; each = each->before_)
    if (!each->replay_.empty())
      return each->replay_;
  return {};
}

void recorded_runs::keep(std::vector<happening> run) {
  if (recording != nullptr)
    recording->runs_.push_back(std::move(run));
}

std::string recorded_runs::timeline_of(const std::vector<happening>& run) {
  const char* variable = std::getenv("MILLRACE_SIM_TIMELINE");
  const std::string_view wanted = variable == nullptr ? "" : variable;
  if (wanted.empty())
    return timeline(run, happenings_shown);
  if (wanted == "all")
    return timeline(run, run.size());
  size_t last = 0;
  const auto got
    = std::from_chars(wanted.data(), wanted.data() + wanted.size(), last);
  if (got.ec != std::errc{} || got.ptr != wanted.data() + wanted.size())
    return "MILLRACE_SIM_TIMELINE=" + std::string{wanted}
           + " is neither a number of happenings nor 'all'\n"
           + timeline(run, happenings_shown);
  return timeline(run, last);
}

} // namespace millrace::sim
