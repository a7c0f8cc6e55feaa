#include <millrace/actors/torq/rdb/hdb_presence.hpp>
#include <millrace/messages/text/listed.hpp>

#include <utility>

namespace millrace::torq {

namespace {

/// Of a stream that is set back over and over.
constexpr size_t noted_losses_max = 100;

} // namespace

std::vector<hdb_presence::effect> hdb_presence::step(const input& what,
                                                     int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  settle(out);
  return out;
}

void hdb_presence::take(const started& what, int64_t, effects& out) {
  start_ = what;
  const auto& place = settings_.directory;
  if (!what.damage.empty()) {
    out.push_back(tell{true, "damaged",
                       "what the last life of this rdb left to this one about "
                       "stream '"
                         + settings_.stream
                         + "' is not known: " + what.damage});
    is_kept_ = true;
    if (place.empty() || (what.has_hdb && what.knows_stream))
      return;
    note_place();
    note_.gone = "there is no hdb of stream '" + settings_.stream + "' in "
                 + place
                 + ", and whether there was one is not known; what it held may "
                   "be missing";
    return tell_gone(out);
  }
  // What it did for another stream is nothing that this one lacks, and no less
  // there: it is kept as of an rdb of another name.
  if (what.left.stream.empty() || what.left.stream == settings_.stream)
    note_ = what.left;
  else if (what.left.has_rows)
    out.push_back(set_aside{what.left.stream});
  for (const auto& loss : note_.losses)
    out.push_back(add_loss{loss});
  if (note_.gone.empty())
    return;
  is_kept_ = true;
  const bool is_lost
    = note_.has_rows ? lacks_rows() : what.beside.is_gone(what.has_hdb);
  if (what.has_hdb && !is_lost)
    return is_back(out);
  out.push_back(add_loss{note_.gone});
  if (!is_lost && !note_.begins_anew)
    begin_anew(false, out);
}

/// The rows here are of this life, which is another one than those that an
/// earlier life of this rdb had.
void hdb_presence::take(const followed& what, int64_t, effects& out) {
  std::string loss;
  if (note_.life.is_known() && note_.life != what.life
      && note_.losses.empty()) {
    loss = "stream '" + settings_.stream
           + "' began a new life: its log is another one than this rdb had "
             "followed; what it no longer brings may be missing";
    out.push_back(add_loss{loss});
    out.push_back(tell{true, "stream_loss", loss});
  }
  const auto before = note_;
  if (note_.gone.empty()
      && (lacks_rows()
          || (!note_.has_rows && start_.beside.is_gone(start_.has_hdb))))
    miss(out);
  if (start_.holds_stream)
    note_place();
  if (before == note_ && note_.life == what.life)
    return;
  note_.life = what.life;
  remember(loss, out);
}

void hdb_presence::take(const wanted&, int64_t now_ns, effects& out) {
  if (waits())
    look(now_ns, out);
}

void hdb_presence::take(const sought& what, int64_t, effects& out) {
  seeking_ = false;
  // What is written just now is no old one that came back.
  if (note_.gone.empty() || what.is_writing || !leaving_.empty())
    return;
  if (what.is_back) {
    is_back(out);
    // What the stream did not bring again counts as lost here.
    leave_hdb("is there again, and the rows in memory were read as if it held "
              "none");
  } else if (what.is_settled && !note_.begins_anew) {
    begin_anew(what.has_all, out);
  }
}

void hdb_presence::take(const written&, int64_t, effects& out) {
  releases_ = true;
  if (note_.losses.empty() && note_.gone.empty() && note_.has_rows
      && note_.directory == settings_.directory)
    return;
  note_place();
  note_.losses.clear();
  note_.gone.clear();
  note_.begins_anew = false;
  remember({}, out);
}

void hdb_presence::take(const let_go& what, int64_t, effects& out) {
  if (!leaving_.empty())
    return;
  leaving_ = what.why;
  note_.life = what.life;
  remember(what.loss, out);
}

void hdb_presence::take(const kept& what, int64_t now_ns, effects& out) {
  keeping_ = false;
  kept_at_ns_ = now_ns;
  // One of before can be removed as well.
  is_kept_ = !what.why || what.is_there;
  const bool was_stale = std::exchange(is_stale_, static_cast<bool>(what.why));
  if (what.why && !was_stale)
    out.push_back(tell{true, "note_not_kept",
                       "what the next life of this rdb should know of stream '"
                         + settings_.stream
                         + "' is not kept: " + to_string(what.why)});
  if (std::exchange(changed_, false))
    remember({}, out);
}

void hdb_presence::take(const passed& what, int64_t now_ns, effects& out) {
  if (!note_.gone.empty() && !what.is_writing
      && now_ns - sought_at_ns_ >= settings_.again_ns)
    look(now_ns, out);
  // While one is there that somebody may remove, none is put in its place.
  if (is_stale_ && !keeping_ && !(waits() && is_kept_)
      && now_ns - kept_at_ns_ >= settings_.again_ns)
    remember({}, out);
}

void hdb_presence::look(int64_t now_ns, effects& out) {
  sought_at_ns_ = now_ns;
  if (!std::exchange(seeking_, true))
    out.push_back(seek{note_, is_kept_});
}

void hdb_presence::settle(effects& out) {
  if (keeping_)
    return;
  if (std::exchange(releases_, false))
    out.push_back(release{});
  if (!leaving_.empty() && !std::exchange(left_, true))
    out.push_back(leave{leaving_});
}

void hdb_presence::is_back(effects& out) {
  out.push_back(tell{false, "hdb_back",
                     "the hdb in " + settings_.directory + " is there again"});
  note_.gone.clear();
  note_.begins_anew = false;
  remember({}, out);
}

void hdb_presence::begin_anew(bool has_all, effects& out) {
  note_.begins_anew = true;
  out.push_back(tell{true, "hdb_begun_anew",
                     "an hdb is begun anew in " + settings_.directory
                       + ", as somebody said that the one that was there is "
                         "lost; what stream '"
                       + settings_.stream + "' has is written down to it"});
  if (has_all) {
    // Nothing that was written of it is lost.
    note_ = {.life = note_.life};
    leave_hdb("is begun anew, with all rows of its stream");
  }
  remember({}, out);
}

void hdb_presence::leave_hdb(const std::string& why) {
  leaving_ = "the hdb in " + settings_.directory + " " + why
             + "; they are let go, and the stream is read again from where "
               "that hdb ends";
}

/// @param loss what the stream cost since, in words; empty: nothing
void hdb_presence::remember(const std::string& loss, effects& out) {
  if (!loss.empty() && note_.losses.size() < noted_losses_max)
    note_.losses.push_back(loss);
  changed_ = std::exchange(keeping_, true);
  if (!changed_)
    out.push_back(keep_note{note_});
}

bool hdb_presence::lacks_rows() const {
  return !settings_.directory.empty()
         && lacks_rows_of(note_, start_.has_hdb, start_.knows_stream);
}

/// The HDB of now has periods that were written down.
void hdb_presence::note_place() {
  note_.has_rows = true;
  note_.directory = settings_.directory;
  note_.stream = settings_.stream;
}

/// The hdb is not there, and was.
void hdb_presence::miss(effects& out) {
  const auto& place = settings_.directory;
  const auto& losses = start_.beside.losses;
  if (!note_.has_rows)
    note_.gone
      = (losses.empty() ? "the hdb in " + place + " is gone" : losses.front())
        + "; what it held may be missing";
  else if (start_.has_hdb && note_.directory == place)
    note_.gone = "the hdb in " + place
                 + " is another one than that which held rows of stream '"
                 + settings_.stream
                 + "', and has none (another disk?); what the stream does not "
                   "bring again may be missing";
  else if (note_.directory.empty() || note_.directory == place)
    note_.gone = "the hdb in " + place + ", which held rows of stream '"
                 + settings_.stream
                 + "', is not there (a disk that is not mounted?); what the "
                   "stream does not bring again may be missing";
  else
    note_.gone = "rows of stream '" + settings_.stream
                 + "' were written down to " + note_.directory
                 + ", and the hdb in " + place
                 + " has none; what the stream does not bring again may be "
                   "missing";
  tell_gone(out);
}

void hdb_presence::tell_gone(effects& out) {
  out.push_back(add_loss{note_.gone});
  out.push_back(tell{true, "hdb_gone", waits_text()});
}

std::string hdb_presence::waits_text() const {
  auto files = start_.beside.files;
  files.insert(files.begin(), settings_.note_file);
  return note_.gone + "; "
         + (settings_.writes ? "nothing is written down, and the stream is "
                               "kept, until it is there again; "
                             : "")
         + "if it is lost for good, remove " + text::listed(files)
         + " while it runs";
}

} // namespace millrace::torq
