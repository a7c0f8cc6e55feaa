#include <millrace/actors/rt/merge/consumer_wire_internal.hpp>
#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/actors/rt/merge/stream_layout_wire_internal.hpp>
#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/schema/stream.capnp.h>
#include <millrace/messages/text/plain_name.hpp>

namespace millrace::rt {

namespace {

void write(schema::MergeRange::Builder out, const merge_range& entry) {
  out.setInput(entry.input.value);
  out.setFromPosition(entry.from.value);
  out.setToPosition(entry.to.value);
  out.setLost(entry.lost);
}

void write(schema::MergeEntry::Builder root, const merge_range& entry) {
  write(root.initMerge(), entry);
}

void write(schema::MergeEntry::Builder root, const merge_pieces& entry) {
  auto out = root.initMergePieces();
  out.setInput(entry.input.value);
  auto pieces = out.initPieces(static_cast<unsigned>(entry.pieces.size()));
  for (unsigned i = 0; i < pieces.size(); ++i)
    write(pieces[i], entry.pieces[i]);
}

void write(schema::MergeEntry::Builder root, const open_input& entry) {
  auto out = root.initOpenInput();
  out.setInput(entry.input.value);
  out.setDirectory(entry.directory);
  out.setLineageHigh(entry.lineage.words[0]);
  out.setLineageLow(entry.lineage.words[1]);
}

void write(schema::MergeEntry::Builder root, const stream_event& entry) {
  auto out = root.initEvent();
  out.setKind(static_cast<uint8_t>(entry.kind));
  out.setOrigin(entry.origin);
  out.setFirstId(entry.first_id);
  out.setLastId(entry.last_id);
  out.setCause(entry.cause);
}

void write(schema::MergeEntry::Builder root, const period_end& entry) {
  auto out = root.initPeriodEnd();
  out.setPeriod(entry.period.value);
  auto absent = out.initAbsent(static_cast<unsigned>(entry.absent.size()));
  for (unsigned i = 0; i < absent.size(); ++i)
    absent.set(i, entry.absent[i]);
}

void write(schema::MergeEntry::Builder root, const begin_stream& entry) {
  write_layout(root.initBeginStream(), entry.layout);
}

void write(schema::MergeEntry::Builder root, const cut_begin& entry) {
  root.initCutBegin().setPosition(entry.begin.value);
}

void write(schema::MergeEntry::Builder root, const begin_session& entry) {
  auto out = root.initBeginSession();
  out.setSession(entry.session);
  out.setCause(entry.cause);
}

void write(schema::MergeEntry::Builder root, const note_floors& entry) {
  write_floors(root.initNoteFloors().initFloors(
                 static_cast<unsigned>(entry.floors.size())),
               entry.floors);
}

void write(schema::MergeEntry::Builder root, const forget_consumer& entry) {
  root.setForgetConsumer(entry.consumer);
}

void write(schema::MergeEntry::Builder root, const claim_origin& entry) {
  auto out = root.initClaimOrigin();
  out.setOrigin(entry.origin);
  out.setInput(entry.input.value);
  out.setLife(entry.life);
  out.setAfter(entry.after);
  out.setShared(entry.shared);
}

claim_origin read(schema::ClaimOrigin::Reader in) {
  return {in.getOrigin(), input_id{in.getInput()}, in.getLife(), in.getAfter(),
          in.getShared()};
}

merge_range read(schema::MergeRange::Reader in) {
  return {input_id{in.getInput()},
          {in.getFromPosition()},
          {in.getToPosition()},
          in.getLost()};
}

stream_event read(schema::StreamEvent::Reader in) {
  stream_event out;
  out.kind = static_cast<event_kind>(in.getKind());
  out.origin = in.getOrigin();
  out.first_id = in.getFirstId();
  out.last_id = in.getLastId();
  out.cause = in.getCause();
  return out;
}

} // namespace

bool is_input_directory(std::string_view name) noexcept {
  return !name.empty() && name.size() <= input_directory_bytes_max
         && name.front() != '.' && name.find('/') == std::string_view::npos;
}

namespace {
constexpr uint64_t first_session_max = 255;
constexpr uint64_t first_roll_max = 8191;
} // namespace

position first_place(uint64_t random) noexcept {
  return position::of(1 + random % first_session_max,
                      (random >> 32) & first_roll_max, 0);
}

bool is_first_place(position at) noexcept {
  return at.session() <= first_session_max && at.roll() <= first_roll_max
         && at.offset() == 0;
}

std::vector<std::byte> encode(const merge_entry& entry) {
  ::capnp::MallocMessageBuilder builder{64};
  auto root = builder.initRoot<schema::MergeEntry>();
  std::visit([&](const auto& kind) { write(root, kind); }, entry);
  return messages::to_bytes(builder);
}

result<merge_entry> decode_merge_entry(std::span<const std::byte> bytes) {
  return messages::read_as<schema::MergeEntry>(
    bytes, [](schema::MergeEntry::Reader root) -> result<merge_entry> {
      switch (root.which()) {
        case schema::MergeEntry::MERGE:
          return merge_entry{read(root.getMerge())};
        case schema::MergeEntry::MERGE_PIECES: {
          auto in = root.getMergePieces();
          merge_pieces out{input_id{in.getInput()}, {}};
          for (auto piece : in.getPieces())
            out.pieces.push_back(read(piece));
          return merge_entry{std::move(out)};
        }
        case schema::MergeEntry::OPEN_INPUT: {
          auto in = root.getOpenInput();
          if (!is_input_directory(std::string_view{in.getDirectory().cStr()}))
            return error{errc::malformed_message,
                         "an input whose directory is not a plain name"};
          return merge_entry{
            open_input{input_id{in.getInput()},
                       in.getDirectory(),
                       {{in.getLineageHigh(), in.getLineageLow()}}}};
        }
        case schema::MergeEntry::EVENT:
          return merge_entry{read(root.getEvent())};
        case schema::MergeEntry::PERIOD_END: {
          auto in = root.getPeriodEnd();
          period_end out{period_id{in.getPeriod()}, {}};
          for (auto name : in.getAbsent())
            out.absent.emplace_back(name);
          return merge_entry{std::move(out)};
        }
        case schema::MergeEntry::BEGIN_STREAM: {
          const auto layout = read_layout(root.getBeginStream());
          return layout ? result<merge_entry>{begin_stream{*layout}}
                        : layout.failure();
        }
        case schema::MergeEntry::CUT_BEGIN:
          return merge_entry{cut_begin{{root.getCutBegin().getPosition()}}};
        case schema::MergeEntry::BEGIN_SESSION: {
          auto in = root.getBeginSession();
          if (in.getSession() > position::session_max)
            return error{errc::malformed_message,
                         "a session beyond the last one"};
          return merge_entry{begin_session{in.getSession(), in.getCause()}};
        }
        case schema::MergeEntry::CLAIM_ORIGIN:
          return merge_entry{read(root.getClaimOrigin())};
        case schema::MergeEntry::NOTE_FLOORS: {
          auto floors = read_floors(root.getNoteFloors().getFloors());
          if (!floors)
            return floors.failure();
          return merge_entry{note_floors{*std::move(floors)}};
        }
        case schema::MergeEntry::FORGET_CONSUMER:
          if (!text::is_plain_name(root.getForgetConsumer().cStr()))
            return error{errc::malformed_message,
                         "a consumer whose name is not a plain one"};
          return merge_entry{forget_consumer{root.getForgetConsumer()}};
      }
      return error{errc::malformed_message, "merge entry of an unknown kind"};
    });
}

} // namespace millrace::rt
