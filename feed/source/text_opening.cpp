#include <millrace/feed/source/published_place_internal.hpp>
#include <millrace/feed/source/rejected_sources_internal.hpp>
#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_opening_internal.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace millrace::feed {

namespace {

error go_on(text_start& text, const source_cursor& place) {
  auto& out = text.out();
  if (out.cutter->offset() != place.offset) {
    if (auto fault = text.begin())
      return fault;
    const auto reached = out.cutter->skip_to(place.offset, place.row);
    if (!reached)
      return reached.failure();
    if (!*reached)
      return published_place::changed(place);
  }
  const auto whole = out.cutter->finish_line();
  if (!whole)
    return whole.failure();
  if (!*whole)
    return {errc::bad_data,
            "line " + std::to_string(place.row)
              + " was published as it stood, without its end, and goes on "
                "now: check its row, and give --again to publish the file "
                "from the start"};
  if (out.fitted->identity != place.name) {
    auto renamed = std::make_shared<binding>(*out.fitted);
    renamed->identity = place.name;
    out.fitted = std::move(renamed);
  }
  out.resumed = true;
  return {};
}

} // namespace

result<opened_text> open_text(persistence::file_system& fs,
                              const source_info& info,
                              const reader_options& options,
                              const std::vector<source_read>& earlier) {
  text_start text{fs, info, options};
  if (auto fault = text.begin())
    return fault;
  if (text.out().cutter) {
    if (auto fault = check_unread(text))
      return fault;
    const auto place = published_place{text, earlier}.find();
    if (!place)
      return place.failure();
    if (*place)
      if (auto fault = go_on(text, **place))
        return fault;
  }
  return std::move(text.out());
}

namespace {

/// Texts that differ do so in it, as a rule.
constexpr uint64_t compared_bytes = 64 * 1024;

} // namespace

result<text_check::extent> text_check::whole_of(const source_info& info) const {
  text_start one{*fs_, info, *options_};
  auto lines = one.lines();
  if (!lines)
    return lines.failure();
  auto& cutter = *lines;
  if (const auto end = cutter.skip_to(UINT64_MAX, 0); !end)
    return end.failure();
  return extent{cutter.offset(), cutter.digest()};
}

/// What the text has up to there; none: it is shorter.
result<std::optional<uint64_t>> text_check::digest_at(const source_info& info,
                                                      uint64_t offset) const {
  text_start one{*fs_, info, *options_};
  auto lines = one.lines();
  if (!lines)
    return lines.failure();
  auto& cutter = *lines;
  const auto reached = cutter.skip_to(offset, 0);
  if (!reached)
    return reached.failure();
  if (!*reached || cutter.offset() != offset)
    return std::optional<uint64_t>{};
  return std::optional{cutter.digest()};
}

/// Whether one of two texts is what the other begins with.
result<bool> text_check::begins_with(known_text& a, known_text& b) const {
  if (a.head.offset == b.head.offset && a.head != b.head)
    return false;
  auto& shorter = a.head.offset < b.head.offset ? a : b;
  auto& longer = &shorter == &a ? b : a;
  // One that ends before what is compared at first is known whole.
  if (a.head.offset != b.head.offset) {
    const auto there = digest_at(*longer.info, shorter.head.offset);
    if (!there)
      return there.failure();
    if (*there != shorter.head.digest)
      return false;
  }
  for (auto* one : {&a, &b})
    if (!one->whole) {
      const auto whole = whole_of(*one->info);
      // What breaks off later is told at its place.
      if (!whole)
        return false;
      one->whole = *whole;
    }
  if (a.whole->offset == b.whole->offset)
    return *a.whole == *b.whole;
  auto& less = a.whole->offset < b.whole->offset ? a : b;
  const auto there = digest_at(*(&less == &a ? b : a).info, less.whole->offset);
  if (!there)
    return there.failure();
  return *there == less.whole->digest;
}

error text_check::add(const source_info& info) {
  auto opened = open_text(*fs_, info, *options_);
  if (!opened)
    return opened.failure();
  // One that may go on after another does so in its turn.
  if (!opened->cutter || options_->again || options_->go_on || info.rejected)
    return {};
  auto& cutter = *opened->cutter;
  const auto begin = cutter.offset();
  // What breaks off, or is damaged, is told at its place, after the rows that
  // stand whole before it.
  if (!cutter.skip_to(begin + compared_bytes, 0))
    return {};
  if (cutter.offset() == begin)
    return {}; // Without a line there is nothing that could come twice.
  auto told = parse_text_identity(opened->fitted->identity);
  known_text made{
    &info, told.layout + "~" + told.place,     std::move(told.marks),
    begin, {cutter.offset(), cutter.digest()}, std::nullopt};
  for (auto& each : known_) {
    if (each.rows != made.rows || compare_marks(each.marks, made.marks).differ)
      continue;
    const auto same = begins_with(each, made);
    if (!same)
      return same.failure();
    // What was published of both before does not come again.
    if (*same
        && std::min(each.whole->offset, made.whole->offset)
             > std::max(each.begin, made.begin))
      return {errc::already_exists,
              "its text and that of " + each.info->label()
                + ", which is read before it, are the same as far as both go: "
                  "its rows would come twice; leave the shorter one out"
                + (options_->named_by_text
                     ? ""
                     : ", or give --again to publish all files from the "
                       "start")};
  }
  known_.push_back(std::move(made));
  return {};
}

} // namespace millrace::feed
