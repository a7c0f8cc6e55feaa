#include <millrace/feed/source/fed_rejects_internal.hpp>
#include <millrace/feed/source/reject_file.hpp>
#include <millrace/feed/source/text_identity.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace millrace::feed {

namespace {

/// The line itself, whatever its text is now.
std::string line_key(const rejected_line& line) {
  return line.source + '\t'
         + to_text(line_place{line.offset, line.reading, line.hash, {}, false});
}

/// A line of a reading, which may stand there twice.
std::pair<uint64_t, uint64_t> mark_key(const feeding_mark& mark) {
  return {mark.source, mark.begin};
}

/// Drops what `is_fed` says of marked lines, and lines that stand there once
/// more because they gave no row, of which the mended one counts. No mark is
/// left.
template <class F>
std::vector<rejected_line> settled(std::vector<rejected_line> lines, F is_fed) {
  const auto is_gone = [&](const rejected_line& each) {
    return each.mark && !each.mark->refused && is_fed(*each.mark);
  };
  // Lines that were not read yet, by their mark and by their place.
  std::map<std::pair<uint64_t, uint64_t>, rejected_line*> waiting;
  std::set<std::string> places;
  const bool any_added = std::any_of(
    lines.begin(), lines.end(), [](const auto& each) { return !each.mark; });
  for (auto& each : lines)
    if (each.mark && !each.mark->refused && !is_gone(each)) {
      waiting[mark_key(*each.mark)] = &each;
      if (any_added)
        places.insert(line_key(each));
    }
  for (auto& each : lines)
    if (each.mark && each.mark->refused)
      if (const auto found = waiting.find(mark_key(*each.mark));
          found != waiting.end()
          && line_hash(found->second->text) == found->second->mark->text)
        found->second->text = each.text;
  std::vector<rejected_line> out;
  std::set<std::pair<uint64_t, uint64_t>> refused;
  for (auto& each : lines) {
    const bool is_again
      = !each.mark ? any_added && places.contains(line_key(each))
                   : each.mark->refused
                       && (waiting.contains(mark_key(*each.mark))
                           || !refused.insert(mark_key(*each.mark)).second);
    if (is_gone(each) || is_again)
      continue;
    each.mark.reset();
    out.push_back(std::move(each));
  }
  return out;
}

} // namespace

std::string reading_key(const rejected_line& line) {
  return line.source + '\t'
         + (line.reading ? to_text(line_place{0, line.reading, {}, {}, false})
                         : "");
}

result<settled_rejects> settle_rejects(persistence::file_system& fs,
                                       const reader_options& options) {
  auto lines = read_rejects(fs, options.only_rejects);
  if (!lines)
    return lines.failure();
  if (std::none_of(lines->begin(), lines->end(),
                   [](const auto& each) { return each.mark.has_value(); }))
    return settled_rejects{*std::move(lines), 0};
  std::map<uint64_t, uint64_t> reached;
  for (const auto& each : options.resume)
    if (source_of_rejects(each.name)) {
      auto& offset = reached[hash_of_source(each.name)];
      offset = std::max(offset, each.offset);
    }
  for (size_t i = 0; i < lines->size(); ++i)
    if (const auto& mark = (*lines)[i].mark; mark && mark->feed != options.feed)
      return error{errc::invalid_argument,
                   options.only_rejects + ":" + std::to_string(i + 1)
                     + ": the line is being fed as '" + mark->feed
                     + "', which was interrupted: what is published of it only "
                       "that feed knows; run it to its end (--name "
                     + mark->feed + ")"};
  const auto is_read = [&](const feeding_mark& mark) {
    const auto found = reached.find(mark.source);
    return found != reached.end() && mark.begin < found->second;
  };
  settled_rejects out;
  for (const auto& each : *lines)
    if (each.mark && is_read(*each.mark))
      out.published += each.mark->refused ? uint64_t(-1) : 1;
  out.lines = settled(*std::move(lines), is_read);
  return out;
}

std::set<uint64_t> mark_rejects(std::vector<rejected_line>& lines,
                                const std::vector<std::string>& names,
                                const std::string& feed) {
  struct group {
    uint64_t source = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, group> groups;
  std::set<uint64_t> out;
  for (auto& each : lines) {
    if (is_part(each))
      continue;
    const auto [found, is_new] = groups.try_emplace(reading_key(each), group{});
    auto& of = found->second;
    if (is_new && groups.size() <= names.size()
        && !names[groups.size() - 1].empty())
      out.insert(of.source = hash_of_source(names[groups.size() - 1]));
    if (of.source != 0)
      each.mark = {feed, of.source, of.bytes, line_hash(each.text), false};
    of.bytes += unprintable(each.text).size() + 1;
  }
  return out;
}

std::vector<rejected_line> without_fed(std::vector<rejected_line> lines,
                                       const std::set<uint64_t>& sources) {
  return settled(std::move(lines), [&](const feeding_mark& mark) {
    return sources.contains(mark.source);
  });
}

} // namespace millrace::feed
